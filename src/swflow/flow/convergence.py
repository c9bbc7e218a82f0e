"""How far a flow has come: its distance to the data at each stored time, with floors."""

from typing import Any

import torch
from torch import Tensor

from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset
from swflow.settings import SimulationSettings
from swflow.sliced.distances import evaluation_directions, sliced_wasserstein

EVALUATION_DIRECTIONS = 256
FLOOR_REDRAWS = 5


class Distances:
    """SW of each snapshot to training and held-out rows, along directions kept fixed.

    Floors: what as many draws from the training rows score, mean of FLOOR_REDRAWS. The flow's own
    particles lie more evenly than draws, and may be nearer to the training rows than that.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: SimulationSettings,
        device: str,
        seed: int,
        values: dict[str, list[float]] | None = None,
    ) -> None:
        generator = keyed_generator(seed, "distances", device=device)
        self.directions = evaluation_directions(EVALUATION_DIRECTIONS, dataset.dim, generator)
        limit = settings.target_batch  # no more than that of a target that may not fit in memory
        self.splits = {
            name: torch.from_numpy(dataset.rows(name, limit)).to(device)
            for name in ("train", "heldout")
        }
        self.values = values or {name: [] for name in self.splits}
        self.floors = dict.fromkeys(self.splits, 0.0)
        train, n = self.splits["train"], settings.n_particles
        for _ in range(FLOOR_REDRAWS):
            rows = torch.randint(len(train), (n,), generator=generator, device=train.device)
            for name in self.splits:
                self.floors[name] += self._distance(train[rows], name) / FLOOR_REDRAWS

    def add(self, particles: Tensor) -> None:
        """Measure one snapshot."""
        for name in self.splits:
            self.values[name].append(self._distance(particles, name))

    def attributes(self) -> dict[str, Any]:
        """Distances at each stored time, and their floors."""
        said: dict[str, Any] = {f"sw_{name}": values for name, values in self.values.items()}
        return said | {f"floor_{name}": value for name, value in self.floors.items()}

    def _distance(self, x: Tensor, split: str) -> float:
        return float(sliced_wasserstein(x, self.splits[split], self.directions))
