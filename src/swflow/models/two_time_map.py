"""The two-time map: from the flow's state at any time to its state at any later one."""

from itertools import pairwise
from typing import ClassVar

import numpy as np
from torch import Tensor

from swflow.models.base import Point, SeveralPasses
from swflow.models.conditioned import ConditionedModel, Examples, Lesson
from swflow.networks.mlp import ConditionedMLP
from swflow.trajectory import Trajectory


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

    def examples(self, store: Trajectory, indices: list[int]) -> Examples:
        """Every pair of times; half of the lessons of each later time begin at the source."""
        clouds = np.stack([store.paired(k) for k in indices])
        times = [float(store.time[k]) for k in indices]
        lessons = []
        for k, end in enumerate(times[1:], start=1):
            for at, start in enumerate(times[:k]):
                part = 1.0 if k == 1 else 0.5 if at == 0 else 0.5 / (k - 1)
                lessons.append(Lesson(at, k, start, end, self.clock(end) * part))
        return Examples(clouds, clouds, lessons)

    def predict(self, network: ConditionedMLP, x: Tensor, conditions: Tensor) -> Tensor:
        """Where points `(b, d)` of the earlier time are at the later one."""
        return x + (conditions[:, :1] - conditions[:, 1:2]) * network(x, conditions)

    def carry(self, x0: Tensor, point: Point) -> Tensor:
        """Take k passes, at times even on the clock."""
        last = self.clock(point.time)
        times = [self.time_of(last * k / point.passes) for k in range(point.passes + 1)]
        x = x0
        for start, end in pairwise(times):
            conditions = self.conditions(start, end, point.entropy, point.label).to(x0.device)
            x = self.predict(self.network, x, conditions)
        return x


MODEL = TwoTimeMap
