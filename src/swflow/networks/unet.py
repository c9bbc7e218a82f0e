"""A U-Net modulated by conditions such as time: for maps of images to images."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from swflow.events import image_shape
from swflow.networks.convolutional import SMALLEST, normed
from swflow.networks.mlp import clock_features
from swflow.settings import UNetSettings

HEADS = 4
MOST_WIDER = 4  # times the width, at most, where sides are small


class ConditionedUNet(nn.Module):
    """u(x, c) of images: from full size to small sides and back (Ronneberger et al. 2015).

    At each level residual blocks whose channels are scaled and shifted by features of the
    conditions (Perez et al. 2018); at the smallest, attention over all places, since where a pixel
    goes depends on the whole image. The first `n_clocks` conditions are times. Raises InputError
    where events are no images.
    """

    def __init__(
        self,
        settings: UNetSettings,
        event_shape: tuple[int, ...],
        n_conditions: int,
        n_clocks: int = 1,
    ) -> None:
        super().__init__()
        self.n_clocks, self.shape = n_clocks, image_shape(event_shape)
        widths = [settings.width * min(2**k, MOST_WIDER) for k in range(levels(self.shape))]
        seen, blocks = settings.width * MOST_WIDER, settings.blocks
        self.features = nn.Sequential(
            nn.Linear(n_conditions + 2 * n_clocks, seen), nn.SiLU(), nn.Linear(seen, seen)
        )
        self.enter = nn.Conv2d(self.shape[0], widths[0], 3, padding=1)
        above = [widths[0], *widths[:-1]]
        self.down = nn.ModuleList(
            Blocks(blocks, narrow, wide, seen) for narrow, wide in zip(above, widths, strict=True)
        )
        self.up = nn.ModuleList(Blocks(blocks, 2 * wide, wide, seen) for wide in widths)
        self.shrink = nn.ModuleList(
            nn.Conv2d(width, width, 3, stride=2, padding=1) for width in widths[:-1]
        )
        self.grow = nn.ModuleList(
            nn.Conv2d(wide, narrow, 3, padding=1) for narrow, wide in pairwise(widths)
        )
        self.middle, self.attention = Blocks(1, widths[-1], widths[-1], seen), Attention(widths[-1])
        self.leave = nn.Sequential(normed(widths[0]), nn.SiLU())
        self.out = nn.Conv2d(widths[0], self.shape[0], 3, padding=1)

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        """x: `(n, dim)`; conditions: `(n, n_conditions)`, or one row for all. Gives `(n, dim)`."""
        seen = self.features(clock_features(conditions, self.n_clocks))
        hidden = x.reshape(-1, *self.shape).contiguous(memory_format=torch.channels_last)
        hidden, kept = self.enter(hidden), []
        for level, blocks in enumerate(self.down):
            hidden = blocks(self.shrink[level - 1](hidden) if level else hidden, seen)
            kept.append(hidden)
        hidden = self.attention(self.middle(hidden, seen))
        for level in reversed(range(len(kept))):
            hidden = self.up[level](torch.cat([hidden, kept[level]], dim=1), seen)
            if level:
                size = kept[level - 1].shape[2:]
                hidden = self.grow[level - 1](nn.functional.interpolate(hidden, size))
        out: Tensor = self.out(self.leave(hidden))
        return out.reshape(len(x), -1)


class Blocks(nn.Module):
    """Residual blocks of one level, one after the other."""

    def __init__(self, number: int, narrow: int, wide: int, features: int) -> None:
        super().__init__()
        inputs = [narrow, *[wide] * (number - 1)]
        self.blocks = nn.ModuleList(Block(width, wide, features) for width in inputs)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """See `Block`."""
        for block in self.blocks:
            x = block(x, seen)
        return x


class Block(nn.Module):
    """Two convolutions beside a straight line, modulated in between."""

    def __init__(self, narrow: int, wide: int, features: int) -> None:
        super().__init__()
        self.first = nn.Sequential(normed(narrow), nn.SiLU(), nn.Conv2d(narrow, wide, 3, padding=1))
        self.norm, self.modulation = normed(wide), nn.Linear(features, 2 * wide)
        self.second = nn.Conv2d(wide, wide, 3, padding=1)
        self.straight = nn.Conv2d(narrow, wide, 1) if narrow != wide else nn.Identity()

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """x: `(n, narrow, h, w)`; seen: `(n, features)`, or one row. Gives `(n, wide, h, w)`."""
        scale, shift = self.modulation(nn.functional.silu(seen))[..., None, None].chunk(2, dim=1)
        hidden = self.norm(self.first(x)) * (1 + scale) + shift
        out: Tensor = self.straight(x) + self.second(nn.functional.silu(hidden))
        return out


class Attention(nn.Module):
    """Every place looks at every other (Vaswani et al. 2017), beside a straight line."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = normed(width)
        self.asked, self.out = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(n, width, h, w)`, the same out."""
        n, width, height, wide = x.shape
        parts = self.asked(self.norm(x)).reshape(n, 3, HEADS, width // HEADS, height * wide)
        query, key, value = parts.transpose(-1, -2).unbind(1)
        found = nn.functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = x + self.out(found.transpose(-1, -2).reshape(n, width, height, wide))
        return out


def levels(shape: tuple[int, int, int]) -> int:
    """How often sides are halved, and once: until one is small."""
    return 1 + max(0, math.ceil(math.log2(min(shape[1:]) / SMALLEST)))
