"""The flow itself as a sampler: draws with replacement from stored particles."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor

from swflow.models.base import Domain, Point, Sampler
from swflow.settings import PARTICLES, SimulationSettings
from swflow.trajectory import Trajectory
from swflow.units import Units


class Particles(Sampler):
    """Draws of a stored run: what a perfect substitute of the flow would give."""

    kind: ClassVar[str] = PARTICLES

    def __init__(self, stores: Sequence[Trajectory]) -> None:
        self.stores = {store.entropy: store for store in stores}
        first = stores[0]
        self.domain = Domain(
            dataset=first.attributes["dataset"],
            units=Units.from_json(first.attributes["units"]),
            source=SimulationSettings.model_validate(first.settings).source,
            times=tuple(float(t) for t in first.time),
            entropies=tuple(self.stores),
        )

    def draw(self, n: int, point: Point, generator: Generator, quasi: bool = False) -> Tensor:
        """Rows of the stored cloud, drawn with replacement."""
        self.refuse_quasi(quasi)
        cloud = self.cloud(point)
        return cloud[torch.randint(len(cloud), (n,), generator=generator)]

    def cloud(self, point: Point) -> Tensor:
        """All stored particles `(n, d)` at a stored time."""
        store = self.stores[min(self.stores, key=lambda stored: abs(stored - point.entropy))]
        return torch.from_numpy(store.particles(store.index(point.time)))
