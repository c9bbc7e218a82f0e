"""The flow map: one pass of a network from a source point to the flow's state at any time."""

from functools import partial
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from swflow.flow.trajectory import Trajectory
from swflow.models.conditioned import ConditionedModel
from swflow.models.pairs import RunPairs, TimePair
from swflow.models.spec import Condition
from swflow.settings import RoundsSettings


class FlowMap(ConditionedModel):
    """X(x₀, τ, ε) = x₀ + c·u(x₀, c, ε), c the clock: exact at τ = 0.

    It regresses the stored pairs (x₀, X_τ), for ε > 0 (x₀, Z_τ) with the deterministic twin Z.
    With target `particles` it regresses the noisy X_τ themselves, whose conditional mean given x₀
    collapses: the naive row, which must fail.
    """

    kind: ClassVar[str] = "flow_map"

    def pair(self, run: Trajectory, index: int, rows: slice = slice(None)) -> np.ndarray:
        """What source points are mapped to at stored time `index`, `(n, d)`."""
        naive = self.settings.target == "particles"
        return run.particles(index, rows) if naive else run.paired(index, rows)

    def pairs_of(self, run: Trajectory, indices: list[int]) -> RunPairs:
        """Source points, once, and where they are later: harder to learn the later."""
        clouds = [partial(run.particles, 0), *(partial(self.pair, run, k) for k in indices[1:])]
        ends = [float(run.time[k]) for k in indices[1:]]
        pairs = [TimePair(0, k, 0.0, end, self.clock(end)) for k, end in enumerate(ends, start=1)]
        return RunPairs(clouds, pairs)

    @property
    def rounds(self) -> RoundsSettings | None:
        """Those that its settings ask for."""
        asked: RoundsSettings | None = self.settings.rounds
        return asked

    def predict(self, network: nn.Module, x: Tensor, conditions: Tensor) -> Tensor:
        """Where source points `(b, d)` are carried."""
        return x + self.free(conditions[:, :1] * network(x, conditions))

    def carry(self, x0: Tensor, condition: Condition) -> Tensor:
        """One pass of the network."""
        assert condition.time is not None
        conditions = self.conditions(0.0, condition.time, condition.entropy, condition.label)
        return self.predict(self.network, x0, conditions.to(x0.device))
