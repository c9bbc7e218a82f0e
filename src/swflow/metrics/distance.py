"""SW² of many clouds to one that stays."""

import torch
from torch import Tensor

from swflow.randomness import keyed_generator
from swflow.sliced.distances import evaluation_directions, sorted_projections
from swflow.sliced.plans.exact import monotone_goals


class DistanceTo:
    """SW² to a fixed cloud `(m, d)` along n directions that depend on the seed alone.

    With g_i the mean of the cloud's quantiles on the i-th of k equal parts, W₂² of k sorted numbers
    x to the cloud is mean (x_i − g_i)² + (mean y² − mean g²): the second part is found once.
    """

    def __init__(self, cloud: Tensor, n_directions: int, seed: int) -> None:
        shared = keyed_generator(seed, "directions")
        self.directions = evaluation_directions(n_directions, cloud.shape[1], shared)
        self.ordered = sorted_projections(cloud, self.directions)
        self.known: dict[int, tuple[Tensor, float]] = {}

    def __call__(self, x: Tensor) -> float:
        """Of a cloud `(k, d)`, in squared model units."""
        own = sorted_projections(x, self.directions)
        goals, within = self._goals(own.shape[1])
        return float((own - goals).square().mean()) + within

    def _goals(self, k: int) -> tuple[Tensor, float]:
        if k not in self.known:
            goals = monotone_goals(self.ordered, k)
            spread = self.ordered.double().square().mean() - goals.double().square().mean()
            self.known[k] = goals, 0.0 if k == self.ordered.shape[1] else float(spread)
        return self.known[k]


def root_distance(x: Tensor, y: Tensor, seed: int, n_directions: int = 64) -> float:
    """SW₂ between two clouds `(·, d)` along the same directions, in model units."""
    return float(DistanceTo(y, n_directions, seed)(x)) ** 0.5


def redraw(large: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Draw n with replacement (of a large sample: as good as fresh ones): `(n, d)`."""
    return large[torch.randint(len(large), (n,), generator=generator)]
