"""Plans between even parts of both laws, for what takes more than sorting."""

from abc import ABC, abstractmethod

from torch import Tensor

from swflow.settings.slicing import PartsSettings
from swflow.sliced.plans.base import interpolate
from swflow.sliced.plans.exact import monotone_goals
from swflow.sliced.sorting import sorted_rows


class PartsPlan(ABC):
    """Both laws are Q even parts, at their means; particles move as the parts do.

    Linearly between the means of two parts, and as the outermost beyond them.
    """

    def __init__(self, settings: PartsSettings) -> None:
        self.settings = settings

    def goals(self, target: Tensor, n: int) -> Tensor:
        """The means of the Q parts of each row."""
        return self._parts(target)

    def displacement(self, x: Tensor, goals: Tensor, tracers: Tensor) -> tuple[Tensor, Tensor]:
        """T(z) − z, from the moves of x's parts."""
        knots = self._parts(x)
        moves = self.moves(knots, goals)
        return interpolate(x, knots, moves), interpolate(tracers, knots, moves)

    @abstractmethod
    def moves(self, x: Tensor, y: Tensor) -> Tensor:
        """How far the parts x move for those of the target y, all increasing `(L, Q)`."""

    def _parts(self, x: Tensor) -> Tensor:
        """`(L, n)` -> `(L, Q)`, increasing."""
        return monotone_goals(sorted_rows(x), self.settings.n_parts)
