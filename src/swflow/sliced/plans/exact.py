"""The exact plan: by sorting."""

from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.settings.slicing import ExactSettings
from swflow.sliced.plans.base import interpolate
from swflow.sliced.sorting import displaced, sorted_rows


@dataclass(frozen=True)
class Exact:
    """By sorting: the particle of rank i goes to n∫F⁻¹ over [i/n, (i+1)/n].

    Then −n·d·∇½SW² is exactly the drift. A tracer is displaced as its neighbours among the
    particles are: linearly between two, and as the outermost one beyond it.
    """

    settings: ExactSettings = ExactSettings()

    def goals(self, target: Tensor, n: int) -> Tensor:
        """The n mean quantiles of each row."""
        return monotone_goals(sorted_rows(target, overwrite=True), n)

    def displacement(self, x: Tensor, goals: Tensor, tracers: Tensor) -> tuple[Tensor, Tensor]:
        """Each particle to the goal of its rank."""
        moved, ordered = displaced(x, goals, keep_order=tracers.shape[1] > 0, overwrite=True)
        if ordered is None:
            return moved, torch.zeros_like(tracers)
        return moved, interpolate(tracers, ordered, goals - ordered)


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
