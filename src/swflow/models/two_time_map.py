"""The two-time map: from the flow's state at any time to its state at any later one."""

from functools import partial
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from swflow.flow.trajectory import Trajectory
from swflow.models.conditioned import ConditionedModel
from swflow.models.pairs import RunPairs, TimePair
from swflow.models.source_model import SeveralPasses
from swflow.models.spec import Condition


class TwoTimeMap(SeveralPasses, ConditionedModel):
    """X_(s,τ)(x) = x + (c_τ − c_s)·u(x, c_τ, c_s, ε), c the clock: exact at τ = s.

    It regresses every stored pair (X_s, X_τ), s < τ, of a particle (for ε > 0: of its twin). Two
    such maps after one another are a third, X_(r,τ)∘X_(s,r) = X_(s,τ) (Boffi et al. 2024, flow
    map matching): k passes go from 0 to τ in k steps even on the clock.
    """

    kind: ClassVar[str] = "two_time_map"
    one_pass: ClassVar[str] = "pass"
    composes: ClassVar[bool] = True
    n_clocks: ClassVar[int] = 2

    def pairs_of(self, run: Trajectory, indices: list[int]) -> RunPairs:
        """Every pair of times; half of the pairs of each later time begin at the source."""
        times = [float(run.time[k]) for k in indices]
        pairs = []
        for k, end in enumerate(times[1:], start=1):
            for at, start in enumerate(times[:k]):
                part = 1.0 if k == 1 else 0.5 if at == 0 else 0.5 / (k - 1)
                pairs.append(TimePair(at, k, start, end, self.clock(end) * part))
        return RunPairs([partial(run.paired, k) for k in indices], pairs)

    def predict(self, network: nn.Module, x: Tensor, conditions: Tensor) -> Tensor:
        """Where points `(b, d)` of the earlier time are at the later one."""
        return x + self.free((conditions[:, :1] - conditions[:, 1:2]) * network(x, conditions))

    def carry(self, x0: Tensor, condition: Condition) -> Tensor:
        """Take k passes, at times even on the clock."""
        assert condition.time is not None
        last, passes = self.clock(condition.time), condition.passes
        times = [self.time_of(last * k / passes) for k in range(passes + 1)]
        x = x0
        for start, end in pairwise(times):
            conditions = self.conditions(start, end, condition.entropy, condition.label)
            x = self.predict(self.network, x, conditions.to(x0.device))
        return x
