"""The flow itself as a sampler: draws with replacement from stored particles."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor

from swflow.models.base import Domain, Drawn, Point, Sampler
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
            **first.classes(),
        )

    def draw(self, n: int, point: Point, generator: Generator, quasi: bool = False) -> Drawn:
        """Rows of the stored cloud, drawn with replacement."""
        self.refuse_quasi(quasi)
        cloud = self.cloud(point)
        chosen = torch.randint(len(cloud.x), (n,), generator=generator)
        return Drawn(cloud.x[chosen], None if cloud.label is None else cloud.label[chosen])

    def cloud(self, point: Point) -> Drawn:
        """All stored particles (of one class, where the point says it) at a stored time."""
        store, rows = self.store(point), self.rows(point)
        x = torch.from_numpy(store.particles(store.index(point.time)))[rows]
        return Drawn(x, None if store.label is None else torch.from_numpy(store.label)[rows])

    def store(self, point: Point) -> Trajectory:
        """The run at the point's entropy."""
        return self.stores[min(self.stores, key=lambda stored: abs(stored - point.entropy))]

    def rows(self, point: Point) -> Tensor:
        """Row numbers of the particles of the point's class."""
        label = self.store(point).label
        if label is None or point.label is None:
            return torch.arange(self.store(point).shape[0])
        return torch.from_numpy(label == point.label).nonzero()[:, 0]
