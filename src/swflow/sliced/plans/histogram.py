"""The histogram: distribution functions by counting, without sorting."""

from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.settings.slicing import HistogramSettings
from swflow.sliced.plans.base import interpolate


@dataclass(frozen=True)
class Histogram:
    """Without sorting: T = F_ν⁻¹ ∘ F_μ with both distribution functions from counts in B even bins.

    For GPUs, where sorting is what takes time. T is linear across each bin of the particles: its
    error is of the order of the two ranges divided by B, more where outermost particles lie apart.
    """

    settings: HistogramSettings = HistogramSettings()

    def goals(self, target: Tensor, n: int) -> Tensor:
        """Lowest value, bin width and the shares below each edge: `(L, B + 3)`."""
        return torch.cat(self._counted(target), dim=1)

    def displacement(self, x: Tensor, goals: Tensor, tracers: Tensor) -> tuple[Tensor, Tensor]:
        """The goal of each edge of x's bins, joined linearly, and constant beyond its ends."""
        low, width, shares = self._counted(x)
        target_low, target_width, target_shares = goals.tensor_split((1, 2), dim=1)
        steps = torch.arange(self.settings.n_bins + 1, dtype=x.dtype, device=x.device)
        moves = interpolate(shares, target_shares.contiguous(), target_low + target_width * steps)
        moves -= low + width * steps

        def move(z: Tensor) -> Tensor:
            return _read(moves, (z - low) / width)

        return move(x), move(tracers)

    def _counted(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Lowest value and bin width `(L, 1)`, and the share below each edge `(L, B + 1)`."""
        low, high = x.aminmax(dim=1, keepdim=True)
        width = ((high - low) / self.settings.n_bins).clamp(min=torch.finfo(x.dtype).tiny)
        bins = ((x - low) / width).long().clamp(0, self.settings.n_bins - 1)
        counts = torch.zeros(len(x), self.settings.n_bins, dtype=torch.int32, device=x.device)
        counts.scatter_add_(1, bins, counts.new_ones(()).expand_as(bins))
        shares = torch.nn.functional.pad(counts.cumsum(dim=1), (1, 0)) / x.shape[1]
        return low, width, shares.to(x.dtype)


def _read(table: Tensor, at: Tensor) -> Tensor:
    """Rows of a table `(L, K)` at fractional places, clamped to its ends."""
    last = table.shape[1] - 1
    at = at.clamp(0, last)
    left = at.long().clamp(max=last - 1)
    return torch.lerp(table.gather(1, left), table.gather(1, left + 1), at - left)
