"""One-dimensional transports: where numbers on a line go, for many lines at once.

Each has two halves. `goals` condenses the projected target, and is all that has to be kept of it;
`displacement` moves projected particles towards goals, and carried points with them.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from swflow.sliced.sorting import displaced, sorted_rows


class Transport(Protocol):
    """A monotone map along each of L lines. Projections that it is given may be overwritten."""

    def goals(self, target: Tensor, n: int) -> Tensor:
        """What n particles need to know of the projected target `(L, m)`: `(L, ·)`."""

    def displacement(self, x: Tensor, goals: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """T(z) − z for particles `(L, n)` and for carried points `(L, k)`."""


@dataclass(frozen=True)
class Exact:
    """By sorting: the particle of rank i goes to n∫F⁻¹ over [i/n, (i+1)/n].

    Then −n·d·∇½SW² is exactly the drift. A carried point is displaced as its neighbours among the
    particles are: linearly between two, and as the outermost one beyond it.
    """

    def goals(self, target: Tensor, n: int) -> Tensor:
        """The n mean quantiles of each row."""
        return monotone_goals(sorted_rows(target, overwrite=True), n)

    def displacement(self, x: Tensor, goals: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """Each particle to the goal of its rank."""
        moved, ordered = displaced(x, goals, keep_order=carried.shape[1] > 0, overwrite=True)
        if ordered is None:
            return moved, torch.zeros_like(carried)
        return moved, interpolate(carried, ordered, goals - ordered)


@dataclass(frozen=True)
class Sketch:
    """By Q quantiles of both laws, joined linearly: Liutkus et al. 2019, section 3.

    T = F_ν⁻¹ ∘ F_μ with both distribution functions linear between quantiles at Q even levels,
    0 and 1 included. Of the target nothing else has to be kept.
    """

    n_quantiles: int

    def goals(self, target: Tensor, n: int) -> Tensor:
        """The Q quantiles of each row."""
        return self._quantiles(target)

    def displacement(self, x: Tensor, goals: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """T(z) − z is linear between quantiles of x, and constant beyond its ends."""
        knots = self._quantiles(x)
        moves = goals - knots
        return interpolate(x, knots, moves), interpolate(carried, knots, moves)

    def _quantiles(self, x: Tensor) -> Tensor:
        """As `numpy.quantile` with linear interpolation: `(L, n)` -> `(L, Q)`."""
        ordered, last = sorted_rows(x), x.shape[1] - 1
        levels = torch.linspace(0, 1, self.n_quantiles, dtype=torch.float64, device=x.device)
        at = levels * last
        low = at.floor().long().clamp(max=max(last - 1, 0))
        part = (at - low).to(x.dtype)
        high = (low + 1).clamp(max=last)
        return torch.lerp(ordered.index_select(1, low), ordered.index_select(1, high), part)


@dataclass(frozen=True)
class Histogram:
    """Without sorting: T = F_ν⁻¹ ∘ F_μ with both distribution functions from counts in B even bins.

    For GPUs, where sorting is what takes time. T is linear across each bin of the particles: its
    error is of the order of the two ranges divided by B, more where outermost particles lie apart.
    """

    n_bins: int

    def goals(self, target: Tensor, n: int) -> Tensor:
        """Lowest value, bin width and the shares below each edge: `(L, B + 3)`."""
        return torch.cat(self._counted(target), dim=1)

    def displacement(self, x: Tensor, goals: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """The goal of each edge of x's bins, joined linearly, and constant beyond its ends."""
        low, width, shares = self._counted(x)
        target_low, target_width, target_shares = goals.tensor_split((1, 2), dim=1)
        steps = torch.arange(self.n_bins + 1, dtype=x.dtype, device=x.device)
        moves = interpolate(shares, target_shares.contiguous(), target_low + target_width * steps)
        moves -= low + width * steps

        def move(z: Tensor) -> Tensor:
            return _read(moves, (z - low) / width)

        return move(x), move(carried)

    def _counted(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Lowest value and bin width `(L, 1)`, and the share below each edge `(L, B + 1)`."""
        low, high = x.aminmax(dim=1, keepdim=True)
        width = ((high - low) / self.n_bins).clamp(min=torch.finfo(x.dtype).tiny)
        bins = ((x - low) / width).long().clamp(0, self.n_bins - 1)
        counts = torch.zeros(len(x), self.n_bins, dtype=torch.int32, device=x.device)
        counts.scatter_add_(1, bins, counts.new_ones(()).expand_as(bins))
        shares = torch.nn.functional.pad(counts.cumsum(dim=1), (1, 0)) / x.shape[1]
        return low, width, shares.to(x.dtype)


def _read(table: Tensor, at: Tensor) -> Tensor:
    """Rows of a table `(L, K)` at fractional places, clamped to its ends."""
    last = table.shape[1] - 1
    at = at.clamp(0, last)
    left = at.long().clamp(max=last - 1)
    return torch.lerp(table.gather(1, left), table.gather(1, left + 1), at - left)


def interpolate(at: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear through (knots, values), row by row; constant beyond the ends."""
    last = knots.shape[1] - 1
    right = torch.searchsorted(knots, at.contiguous()).clamp(max=last)
    left = (right - 1).clamp(min=0)
    low, high = knots.gather(1, left), knots.gather(1, right)
    gap = (high - low).clamp(min=torch.finfo(knots.dtype).tiny)
    part = ((at - low) / gap).clamp(0, 1)
    return torch.lerp(values.gather(1, left), values.gather(1, right), part)


def monotone_goals(sorted_target: Tensor, n: int) -> Tensor:
    """Where the n ranks go: n∫F⁻¹ over [i/n, (i+1)/n]. `(L, m)` sorted rows -> `(L, n)`."""
    m = sorted_target.shape[1]
    if n == m:
        return sorted_target
    edges = torch.arange(n + 1, device=sorted_target.device) * m  # in units of 1/(n·m)
    first, last = edges[:-1] // n, (edges[1:] - 1) // n
    if n > m:  # an interval meets one target, or two neighbours
        on_first = torch.minimum(edges[1:], (first + 1) * n) - edges[:-1]
        weight = on_first.to(sorted_target.dtype) / m
        lower, upper = (sorted_target.index_select(1, at) for at in (first, last))
        return lower * weight + upper * (1 - weight)
    # Sums over many targets are differences of a running sum: float64 keeps them exact enough.
    values = sorted_target.double()
    running = torch.nn.functional.pad(values.cumsum(dim=1), (1, 0))
    at_edge = (edges // n).clamp(max=m - 1)
    part = (edges - at_edge * n).double() / n
    integral = running.index_select(1, at_edge) + values.index_select(1, at_edge) * part
    return (integral.diff(dim=1) * (n / m)).to(sorted_target.dtype)
