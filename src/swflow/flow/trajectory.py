"""A stored run of the flow, read back: what each of its arrays means."""

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
import torch

from swflow.flow.twin import has_twin
from swflow.randomness import keyed_generator
from swflow.runtime.errors import InputError
from swflow.settings import SimulationSettings, parse_settings

EVERY = slice(None)


class Store(Protocol):
    """What a trajectory is read from."""

    name: str
    attributes: dict[str, Any]
    time: np.ndarray
    label: np.ndarray | None
    shape: tuple[int, int]
    block_rows: int
    packed: bytes | None  # the decoder of latents

    @property
    def identity(self) -> str:
        """What the run was made of: equal for stores of the same numbers."""

    def has(self, array: str) -> bool:
        """Whether there is an array of this name."""

    def read(self, array: str, index: int, rows: slice = EVERY) -> np.ndarray:
        """Rows `(n, d)` of an array at stored time `index`."""


class Trajectory:
    """The flow at each stored time: `time (T,)`, time[0] = 0, and clouds `(n, d)`.

    Raises InputError where another version of swflow wrote other settings, and reading where the
    store is damaged.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        where = f"{store.name}, perhaps of another version of swflow (then remove it)"
        written = json.loads(store.attributes["settings"])
        self.settings: SimulationSettings = parse_settings(SimulationSettings, written, where)
        self.entropy = self.settings.entropy
        self.time, self.label, self.shape = store.time, store.label, store.shape

    @classmethod
    def of_family(cls, stores: Iterable[Store]) -> list[Self]:
        """The runs of one family, in order of entropy."""
        return sorted((cls(store) for store in stores), key=lambda run: run.entropy)

    @property
    def name(self) -> str:
        """Where it lies."""
        return self.store.name

    @property
    def attributes(self) -> dict[str, Any]:
        """What is said of the run: seed, dataset, distances, seconds."""
        return self.store.attributes

    def classes(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """The classes of the particles and their shares; none where there are no labels."""
        if self.label is None:
            return (), ()
        return class_shares(self.label)

    def particles(self, index: int, rows: slice = EVERY) -> np.ndarray:
        """The particles `(n, d)` at stored time `index`."""
        return self.store.read("particles", index, rows)

    def drift(self, index: int, rows: slice = EVERY) -> np.ndarray:
        """The drift `(n, d)` at stored time `index`."""
        return self.store.read("drift", index, rows)

    def paired(self, index: int, rows: slice = EVERY) -> np.ndarray:
        """What each source point is mapped to: the twin where there is one, or the particles."""
        return self.store.read("twin" if self.has_twin else "particles", index, rows)

    @property
    def has_twin(self) -> bool:
        """Whether the particles have a twin."""
        return has_twin(self.settings)

    def current(self, index: int, rows: slice = EVERY) -> np.ndarray:
        """Observations of the current velocity `(n, d)`: for entropy 0 the drift itself."""
        return self.store.read("current" if self.entropy > 0 else "drift", index, rows)

    def tracers(self, index: int) -> np.ndarray | None:
        """Tracers `(k, d)` at stored time `index`: the same ones in runs of every seed."""
        return self.store.read("tracers", index) if self.store.has("tracers") else None

    def repeated(self, index: int) -> np.ndarray | None:
        """Where the points are at stored time `index` that runs of all seeds begin with, `(k, d)`.

        Without a twin tracers. With one massless points diffuse, since nothing keeps their law:
        there they are twins of the particles that begin at the same points.
        """
        if not self.has_twin:
            return self.tracers(index)
        return self.paired(index)[self.shared_rows] if len(self.shared_rows) else None

    @cached_property
    def shared_rows(self) -> np.ndarray:
        """Row numbers of the particles that runs of all seeds begin with, where there is a twin."""
        return shared_rows(self.shape[0], self.settings.n_tracers)

    @cached_property
    def own_rows(self) -> np.ndarray:
        """Row numbers of all other particles, in random order: unseen by runs of other seeds."""
        return _shuffled_rows(self.shape[0])[len(self.shared_rows) :]

    def index(self, time: float) -> int:
        """The index of a stored time. Raises InputError where it was not stored."""
        found = np.flatnonzero(np.isclose(self.time, time, rtol=1e-6))
        if not len(found):
            raise InputError(
                f"time {time:g} is not stored in {self.name}: stored are "
                f"{', '.join(f'{t:g}' for t in self.time)}."
            )
        return int(found[0])


def shared_rows(n: int, k: int) -> np.ndarray:
    """Row numbers of the k of n particles (at most half) that runs of all seeds begin with."""
    return _shuffled_rows(n)[: min(k, n // 2)]


def _shuffled_rows(n: int) -> np.ndarray:
    """An order that all runs share. Every k-th evenly spread point would lie on one side."""
    return torch.randperm(n, generator=keyed_generator("rows")).numpy()


def class_shares(label: np.ndarray) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The classes among labels `(n,)`, and the share of each."""
    labels, counts = np.unique(label, return_counts=True)
    return tuple(labels.tolist()), tuple((counts / counts.sum()).tolist())
