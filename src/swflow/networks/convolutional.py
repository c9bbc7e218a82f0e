"""A convolutional encoder and decoder for images of any height, width and number of channels."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from swflow.settings import ConvolutionalSettings

SMALLEST = 5  # pixels of a side that is not halved any more
MOST_WIDER = 4  # times the width, at most, where sides are small
GROUP = 8  # channels that are normalised together


class Encoder(nn.Module):
    """Images `(n, channels, height, width)` -> `(n, outputs)`."""

    def __init__(
        self, settings: ConvolutionalSettings, shape: tuple[int, int, int], outputs: int
    ) -> None:
        super().__init__()
        sides, widths = pyramid(settings, shape)
        layers: list[nn.Module] = [nn.Conv2d(shape[0], widths[0], 3, padding=1), *_after(widths[0])]
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1), *_after(wide)]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        height, width = sides[-1]
        self.out = nn.Linear(widths[-1] * height * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        found: Tensor = self.out(self.layers(x))
        return found


class Decoder(nn.Module):
    """Latents `(n, dim)` -> images `(n, channels, height, width)` in [0, 1]."""

    def __init__(
        self, settings: ConvolutionalSettings, shape: tuple[int, int, int], dim: int
    ) -> None:
        super().__init__()
        sides, widths = pyramid(settings, shape)
        self.start = widths[-1], *sides[-1]
        self.enter = nn.Sequential(
            nn.Linear(dim, 4 * dim + 256),
            nn.SiLU(),
            nn.Linear(4 * dim + 256, widths[-1] * sides[-1][0] * sides[-1][1]),
        )
        layers: list[nn.Module] = [*_after(widths[-1])]
        for (wide, narrow), side in zip(pairwise(widths[::-1]), sides[-2::-1], strict=True):
            layers += [nn.Upsample(side), nn.Conv2d(wide, narrow, 3, padding=1), *_after(narrow)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[0], shape[0], 3, padding=1))

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        x: Tensor = self.layers(self.enter(z).unflatten(1, self.start))
        return torch.sigmoid(x.float())


def pyramid(
    settings: ConvolutionalSettings, shape: tuple[int, int, int]
) -> tuple[list[tuple[int, int]], list[int]]:
    """Sides of the images at each level, halved until one is small, and numbers of channels."""
    sides = [shape[1:]]
    while min(sides[-1]) > SMALLEST:
        height, width = sides[-1]
        sides.append(((height + 1) // 2, (width + 1) // 2))
    widths = [settings.width * min(2**level, MOST_WIDER) for level in range(len(sides))]
    return sides, widths


def _after(width: int) -> tuple[nn.Module, nn.Module]:
    """What follows a convolution."""
    return nn.GroupNorm(max(1, width // GROUP), width), nn.SiLU()
