"""Convolutional encoder, decoder and classifier for images of any height, width and channels.

Hardly anything is computed at full size, where convolutions cost the most: the first layer halves
the sides, and the last but one doubles them.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from swflow.settings import ConvolutionalSettings

SMALLEST = 8  # pixels of a side that is not halved any more
MOST_WIDER = 2  # times the width, at most, where sides are small
LAST = 8  # channels at full size, where the image is made
GROUP = 8  # channels that are normalised together


class Trunk(nn.Module):
    """Images `(n, channels, height, width)` -> `width` numbers each, `(n, width)`."""

    def __init__(self, settings: ConvolutionalSettings, shape: tuple[int, int, int]) -> None:
        super().__init__()
        sides, widths = pyramid(settings, shape)
        layers: list[nn.Module] = []
        for narrow, wide in pairwise((shape[0], *widths)):
            layers += [nn.Conv2d(narrow, wide, 5, stride=2, padding=2), *_after(wide)]
        layers += [nn.Conv2d(widths[-1], widths[-1], 3, padding=1), *_after(widths[-1])]
        self.layers = nn.Sequential(*layers)
        self.width = widths[-1] * sides[-1][0] * sides[-1][1]

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        found: Tensor = self.layers(x.contiguous(memory_format=torch.channels_last))
        return found.flatten(1)


class Encoder(nn.Module):
    """Images `(n, channels, height, width)` -> `(n, outputs)`."""

    def __init__(
        self, settings: ConvolutionalSettings, shape: tuple[int, int, int], outputs: int
    ) -> None:
        super().__init__()
        self.trunk = Trunk(settings, shape)
        self.out = nn.Linear(self.trunk.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        found: Tensor = self.out(self.trunk(x))
        return found


class Classifier(nn.Module):
    """Images `(n, channels, height, width)` -> `(n, classes)`, by way of features `(n, dim)`."""

    def __init__(
        self,
        settings: ConvolutionalSettings,
        shape: tuple[int, int, int],
        dim: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.trunk = Trunk(settings, shape)
        self.last = nn.Linear(self.trunk.width, dim)
        self.out = nn.Linear(dim, classes)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer."""
        found: Tensor = torch.relu(self.last(self.trunk(x)))
        return found

    def seen(self, x: Tensor) -> list[Tensor]:
        """What every hidden layer sees, the features last."""
        found, x = [], x.contiguous(memory_format=torch.channels_last)
        for layer in self.trunk.layers:
            x = layer(x)
            if isinstance(layer, nn.SiLU):
                found.append(x)
        return [*found, torch.relu(self.last(x.flatten(1)))]

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        found: Tensor = self.out(self.features(x))
        return found


class Decoder(nn.Module):
    """Latents `(n, dim)` -> images `(n, channels, height, width)` in [0, 1]."""

    def __init__(
        self, settings: ConvolutionalSettings, shape: tuple[int, int, int], dim: int
    ) -> None:
        super().__init__()
        sides, widths = pyramid(settings, shape)
        self.start = widths[-1], *sides[-1]
        self.enter = nn.Linear(dim, widths[-1] * sides[-1][0] * sides[-1][1])
        layers: list[nn.Module] = [*_after(widths[-1])]
        for (wide, narrow), side in zip(pairwise(widths[::-1]), sides[-2::-1], strict=True):
            layers += [*_doubled(wide, narrow, side), *_after(narrow)]
            layers += [nn.Conv2d(narrow, narrow, 3, padding=1), *_after(narrow)]
        # Few channels at full size: pixels that are made side by side would show a grid.
        layers += [*_doubled(widths[0], LAST, shape[1:]), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(LAST, shape[0], 3, padding=1))

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        x = self.enter(z).unflatten(1, self.start).contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(self.layers(x).float()).contiguous()


class Cropped(nn.Module):
    """The first rows and columns: of images whose side was odd before it was halved."""

    def __init__(self, side: tuple[int, int]) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x[..., : self.side[0], : self.side[1]]


def pyramid(
    settings: ConvolutionalSettings, shape: tuple[int, int, int]
) -> tuple[list[tuple[int, int]], list[int]]:
    """Sides at each level, halved at least once until one is small, and numbers of channels."""
    sides = [_halved(shape[1:])]
    while min(sides[-1]) > SMALLEST:
        sides.append(_halved(sides[-1]))
    widths = [settings.width * min(2**level, MOST_WIDER) for level in range(len(sides))]
    return sides, widths


def _halved(side: tuple[int, int]) -> tuple[int, int]:
    height, width = side
    return (height + 1) // 2, (width + 1) // 2


def _doubled(wide: int, narrow: int, side: tuple[int, int]) -> tuple[nn.Module, ...]:
    """From a level to the one of twice the sides: four pixels at each place."""
    return nn.Conv2d(wide, 4 * narrow, 3, padding=1), nn.PixelShuffle(2), Cropped(side)


def _after(width: int) -> tuple[nn.Module, nn.Module]:
    """What follows a convolution."""
    return normed(width), nn.SiLU()


def normed(width: int) -> nn.GroupNorm:
    """Channels, normalised a few together."""
    return nn.GroupNorm(max(1, width // GROUP), width)
