"""The current velocity u = v − ε∇log ρ and its ODE: the flow's laws, by many evaluations."""

import math
from functools import partial
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from swflow.flow.source import source_score
from swflow.flow.trajectory import EVERY, Trajectory
from swflow.models.conditioned import ConditionedModel
from swflow.models.ode import adams_bashforth
from swflow.models.pairs import RunPairs, TimePair
from swflow.models.source_model import SeveralPasses
from swflow.models.spec import Condition


class Velocity(SeveralPasses, ConditionedModel):
    """dx/ds = (1 + τ)·u(x, τ, ε) in the time s = log(1 + τ); the network is the right-hand side.

    The ODE has the marginal laws of the flow, noise or not. The network regresses the stored
    observations of u, whose conditional mean given the particle is u; asked for k passes, the ODE
    is solved in k steps of the two-step Adams-Bashforth method, one evaluation each.
    """

    kind: ClassVar[str] = "velocity"
    one_pass: ClassVar[str] = "evaluation"

    def pairs_of(self, run: Trajectory, indices: list[int]) -> RunPairs:
        """Particles and (1 + τ)·(observed current velocity), at every time it is known.

        All times weigh the same: stored times are even in s, and so is the ODE.
        """
        # At time 0 the score of a uniform source is singular: with ε > 0 begin after it.
        singular = max(self.spec.entropies) > 0 and self.spec.source.law != "gaussian"
        known = indices[int(singular) :]
        times = [float(run.time[k]) for k in known]
        inputs = [partial(run.particles, k) for k in known]
        goals = [partial(self._slopes, run, k) for k in known]
        return RunPairs(
            [*inputs, *goals],
            [TimePair(k, len(known) + k, time, time, 1.0) for k, time in enumerate(times)],
        )

    def predict(self, network: nn.Module, x: Tensor, conditions: Tensor) -> Tensor:
        """dx/ds at points `(b, d)`."""
        return self.free(network(x, conditions))

    def carry(self, x0: Tensor, condition: Condition) -> Tensor:
        """Solve the ODE from 0 to the condition's time in steps even in log(1 + τ)."""
        assert condition.time is not None

        def slope(x: Tensor, s: float) -> Tensor:
            time = math.expm1(s)
            conditions = self.conditions(time, time, condition.entropy, condition.label)
            return self.predict(self.network, x, conditions.to(x.device))

        return adams_bashforth(slope, x0, math.log1p(condition.time), n_steps=condition.passes)

    def _slopes(self, run: Trajectory, index: int, rows: slice = EVERY) -> np.ndarray:
        """(1 + τ)·u, observed, `(n, d)`."""
        current = run.current(index, rows)
        if index == 0 and run.entropy > 0:  # no noise has acted yet: the source's own score
            score = source_score(self.spec.source, run.particles(0, rows))
            current = current - np.float32(run.entropy) * score
        return ((1 + float(run.time[index])) * current).astype(np.float32)
