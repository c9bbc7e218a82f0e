"""The flow map: one pass of a network from a source point to the flow's state at any time."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from swflow.models.base import Point
from swflow.models.conditioned import ConditionedModel, Examples, Lesson, Lessons
from swflow.networks.mlp import ConditionedMLP
from swflow.sliced import random_directions, sliced_wasserstein
from swflow.trajectory import Trajectory

POLISH_ROWS, POLISH_DIRECTIONS = 2048, 16


class FlowMap(ConditionedModel):
    """X(x₀, τ, ε) = x₀ + c·u(x₀, c, ε), c the clock: exact at τ = 0.

    It regresses the stored pairs (x₀, X_τ), for ε > 0 (x₀, Z_τ) with the deterministic twin Z.
    With target `particles` it regresses the noisy X_τ themselves, whose conditional mean given x₀
    collapses: the naive row, which must fail.
    """

    kind: ClassVar[str] = "flow_map"

    def pair(self, store: Trajectory, index: int) -> np.ndarray:
        """What source points are mapped to at stored time `index`, `(n, d)`."""
        naive = self.settings.target == "particles"
        return store.particles(index) if naive else store.paired(index)

    def examples(self, store: Trajectory, indices: list[int]) -> Examples:
        """Source points, stored once, and where they are later: harder to learn the later."""
        goals = np.stack([self.pair(store, k) for k in indices[1:]])
        ends = [float(store.time[k]) for k in indices[1:]]
        lessons = [Lesson(0, k, 0.0, end, self.clock(end)) for k, end in enumerate(ends)]
        return Examples(store.particles(0)[None], goals, lessons)

    def predict(self, network: ConditionedMLP, x: Tensor, conditions: Tensor) -> Tensor:
        """Where source points `(b, d)` are carried."""
        return x + conditions[:, :1] * network(x, conditions)

    def polish(
        self, network: ConditionedMLP, lessons: Lessons, step: int, generator: torch.Generator
    ) -> Tensor | float:
        """Over the last part of the steps: SW² of a cloud of many points to where they should be.

        The same points: their laws differ by the network's error alone, not by sampling.
        """
        settings = self.settings
        if step < (1 - settings.polish) * settings.training.steps:
            return 0.0
        x, goal, conditions = lessons.cloud(POLISH_ROWS, generator)
        carried = self.predict(network, x, conditions)
        directions = random_directions(POLISH_DIRECTIONS, x.shape[1], generator=generator)
        with torch.autocast(x.device.type, enabled=False):  # sorts need every digit
            return sliced_wasserstein(carried.float(), goal, directions.to(x.device)).square()

    def carry(self, x0: Tensor, point: Point) -> Tensor:
        """One pass of the network."""
        conditions = self.conditions(0.0, point.time, point.entropy, point.label).to(x0.device)
        return self.predict(self.network, x0, conditions)


MODEL = FlowMap
