"""What every plan along a line does, for many lines at once.

It has two halves. `goals` condenses the projected target, and is all that has to be kept of it;
`displacement` moves projected particles towards goals, and tracers with them.
"""

from typing import Protocol

import torch
from torch import Tensor


class Plan(Protocol):
    """A monotone map along each of L lines. Projections that it is given may be overwritten."""

    def goals(self, target: Tensor, n: int) -> Tensor:
        """What n particles need to know of the projected target `(L, m)`: `(L, ·)`."""

    def displacement(self, x: Tensor, goals: Tensor, tracers: Tensor) -> tuple[Tensor, Tensor]:
        """T(z) − z for particles `(L, n)` and for tracers `(L, k)`, in these shapes."""


def interpolate(at: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear through (knots, values), row by row; constant beyond the ends.

    at: `(L, n)`; knots, increasing, and values: `(L, q)`. Returns `(L, n)`.
    """
    last = knots.shape[1] - 1
    right = torch.searchsorted(knots, at.contiguous()).clamp(max=last)
    left = (right - 1).clamp(min=0)
    low, high = knots.gather(1, left), knots.gather(1, right)
    gap = (high - low).clamp(min=torch.finfo(knots.dtype).tiny)
    part = ((at - low) / gap).clamp(0, 1)
    return torch.lerp(values.gather(1, left), values.gather(1, right), part)
