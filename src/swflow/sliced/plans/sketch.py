"""The sketch: quantiles of both laws, joined linearly."""

from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.settings.slicing import SketchSettings
from swflow.sliced.plans.base import interpolate
from swflow.sliced.sorting import sorted_rows


@dataclass(frozen=True)
class Sketch:
    """By Q quantiles of both laws, joined linearly: Liutkus et al. 2019, section 3.

    T = F_ν⁻¹ ∘ F_μ with both distribution functions linear between quantiles at Q even levels,
    0 and 1 included. Of the target nothing else has to be kept.
    """

    settings: SketchSettings = SketchSettings()

    def goals(self, target: Tensor, n: int) -> Tensor:
        """The Q quantiles of each row."""
        return self._quantiles(target)

    def displacement(self, x: Tensor, goals: Tensor, tracers: Tensor) -> tuple[Tensor, Tensor]:
        """T(z) − z is linear between quantiles of x, and constant beyond its ends."""
        knots = self._quantiles(x)
        moves = goals - knots
        return interpolate(x, knots, moves), interpolate(tracers, knots, moves)

    def _quantiles(self, x: Tensor) -> Tensor:
        """As `numpy.quantile` with linear interpolation: `(L, n)` -> `(L, Q)`."""
        ordered, last = sorted_rows(x), x.shape[1] - 1
        levels = torch.linspace(
            0, 1, self.settings.n_quantiles, dtype=torch.float64, device=x.device
        )
        at = levels * last
        low = at.floor().long().clamp(max=max(last - 1, 0))
        part = (at - low).to(x.dtype)
        high = (low + 1).clamp(max=last)
        return torch.lerp(ordered.index_select(1, low), ordered.index_select(1, high), part)
