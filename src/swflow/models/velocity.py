"""The current velocity u = v − ε∇log ρ and its ODE: the flow's laws, by many evaluations."""

import math
from typing import ClassVar

import numpy as np
from torch import Tensor

from swflow.models.base import Point, SeveralPasses
from swflow.models.conditioned import ConditionedModel, Examples, Lesson
from swflow.models.ode import adams_bashforth
from swflow.networks.mlp import ConditionedMLP
from swflow.sources import source_score
from swflow.trajectory import Trajectory


class Velocity(SeveralPasses, ConditionedModel):
    """dx/ds = (1 + τ)·u(x, τ, ε) in the time s = log(1 + τ); the network is the right-hand side.

    The ODE has the marginal laws of the flow, noise or not. The network regresses the stored
    observations of u, whose conditional mean given the particle is u; with k passes the ODE is
    solved in k steps of the two-step Adams-Bashforth method, one evaluation each.
    """

    kind: ClassVar[str] = "velocity"
    one_pass: ClassVar[str] = "evaluation"

    def examples(self, store: Trajectory, indices: list[int]) -> Examples:
        """Particles and (1 + τ)·(observed current velocity), at every time it is known.

        All times weigh the same: stored times are even in s, and so is the ODE.
        """
        # At time 0 the score of a uniform source is singular: with ε > 0 begin after it.
        singular = max(self.domain.entropies) > 0 and self.domain.source.law != "gaussian"
        known = indices[int(singular) :]
        times = [float(store.time[k]) for k in known]
        goals = [(1 + time) * self._current(store, k) for k, time in zip(known, times, strict=True)]
        return Examples(
            np.stack([store.particles(k) for k in known]),
            np.stack(goals).astype(np.float32),
            [Lesson(k, k, time, time, 1.0) for k, time in enumerate(times)],
        )

    def predict(self, network: ConditionedMLP, x: Tensor, conditions: Tensor) -> Tensor:
        """dx/ds at points `(b, d)`."""
        velocity: Tensor = network(x, conditions)
        return velocity

    def carry(self, x0: Tensor, point: Point) -> Tensor:
        """Solve the ODE from 0 to the point's time in steps even in log(1 + τ)."""

        def slope(x: Tensor, s: float) -> Tensor:
            time = math.expm1(s)
            conditions = self.conditions(time, time, point.entropy, point.label).to(x.device)
            return self.predict(self.network, x, conditions)

        return adams_bashforth(slope, x0, math.log1p(point.time), point.passes)

    def _current(self, store: Trajectory, index: int) -> np.ndarray:
        current = store.current(index)
        if index == 0 and store.entropy > 0:  # no noise has acted yet: the source's own score
            score = source_score(self.domain.source, store.particles(0))
            current = current - np.float32(store.entropy) * score
        return current


MODEL = Velocity
