"""One simulation of a dataset: everything that is drawn for it, keyed by its seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from swflow.flow.group import ALONE, Group
from swflow.flow.integrator import Snapshot, State, simulate
from swflow.flow.known import held, known_coordinates
from swflow.flow.memory import HELD_BYTES
from swflow.flow.source import draw_source, shared_labels
from swflow.flow.target import Rows, StoredRows
from swflow.flow.trajectory import shared_rows
from swflow.flow.twin import has_twin
from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.schedule.steps import stored_times
from swflow.settings import SimulationSettings


@dataclass(frozen=True)
class Run:
    """A flow to the training rows of a dataset.

    Raises InputError where labels are asked of a dataset that has none.
    """

    dataset: Dataset
    settings: SimulationSettings
    seed: int
    device: str
    group: Group = ALONE

    def __post_init__(self) -> None:
        if self.settings.labels and self.dataset.splits["train"].y is None:
            raise InputError(
                f"dataset {self.dataset.name!r} has no labels: set labels: false in the flow."
            )

    def labels(self, n: int) -> np.ndarray | None:
        """Labels of n points, in the proportions of the training rows; None without classes."""
        y = self._target_labels()
        return None if y is None else shared_labels(y, n)

    def snapshots(
        self, state: State | None = None, on_step: Callable[[State], object] = lambda state: None
    ) -> Iterator[Snapshot]:
        """The flow at each stored time, from its beginning or from a state."""
        settings, device, dim = self.settings, self.device, self.dataset.dim
        generator = keyed_generator(self.seed, "source", device=device)
        n = settings.n_particles
        source = draw_source(settings.source, n, dim, quasi=settings.quasi, generator=generator)
        # Keyed without the seed: how far runs carry the same points apart is their repeatability.
        shared = keyed_generator("carried", device=device)  # a key is never renamed
        tracers = draw_source(settings.source, settings.n_tracers, dim, generator=shared)
        label, tracer_label = self.labels(n), self.labels(len(tracers))
        common = shared_rows(n, len(tracers)) if has_twin(settings) else np.empty(0, int)
        begun = tracers[: len(common)]
        known = known_of(self.dataset, settings)
        if known is not None:
            rows = partial(training_rows, self.dataset)
            size = self.dataset.size("train")
            first = int(torch.randint(size, (), generator=generator, device=device))
            source = held(source, rows(n, first, label), known)
            tracers = held(tracers, rows(len(tracers), label=tracer_label), known)
            own = None if label is None else label[common]
            begun = held(begun, rows(len(begun), label=own), known)
        source[common] = begun
        return simulate(
            source,
            self._target(),
            settings,
            generator=keyed_generator(self.seed, "simulate", device=device),
            event_shape=self.dataset.units.event_shape,
            tracers=tracers,
            resume=state,
            on_step=on_step,
            group=self.group,
            source_labels=_tensor(label, device),
            target_labels=_tensor(self._target_labels(), device),
            tracer_labels=_tensor(tracer_label, device),
            held=known,
        )

    def _target_labels(self) -> np.ndarray | None:
        return self.dataset.splits["train"].y if self.settings.labels else None

    def _target(self) -> Rows:
        """The training rows, in memory or, where they are many, in the file to be read from."""
        x: Any = self.dataset.splits["train"].x
        if isinstance(x, np.ndarray):
            return torch.from_numpy(self.dataset.rows("train")).to(self.device)
        stored = StoredRows(x, self.device)
        return stored if x.nbytes > HELD_BYTES else stored[0 : len(x)]


def run_fresh(
    dataset: Dataset, settings: SimulationSettings, n: int, generator: torch.Generator
) -> Tensor:
    """The end `(n, d)` of a flow of n fresh particles: what a network's pass replaces.

    It runs on the generator's device.
    """
    device = generator.device
    source = draw_source(settings.source, n, dataset.dim, generator=generator)
    y = dataset.splits["train"].y if settings.labels else None
    label = None if y is None else shared_labels(y, n)
    known = known_of(dataset, settings)
    if known is not None:
        source = held(source, training_rows(dataset, n, label=label), known)
    only_end = settings.model_copy(update={"times": tuple(stored_times(settings)[-1:])})
    target = torch.from_numpy(dataset.rows("train")).to(device)
    *_, last = simulate(
        source,
        target,
        only_end,
        generator=generator,
        event_shape=dataset.units.event_shape,
        source_labels=_tensor(label, device),
        target_labels=_tensor(y, device),
        held=known,
    )
    return last.particles


def _tensor(label: np.ndarray | None, device: torch.device | str) -> Tensor | None:
    return None if label is None else torch.from_numpy(label).to(device)


def known_of(dataset: Dataset, settings: SimulationSettings) -> Tensor | None:
    """Which coordinates are known, `(d,)` of bool; None where none are."""
    if settings.known is None:
        return None
    return known_coordinates(settings.known, dataset.units.event_shape)


def training_rows(
    dataset: Dataset, n: int, first: int = 0, label: np.ndarray | None = None
) -> Tensor:
    """`(n, d)`: n training rows one after the other, which begin again where they end.

    label: `(n,)`, the class that each must be of; rows of a class are one after the other then.
    """
    x: Any = dataset.splits["train"].x
    if label is not None:
        numbers = _numbers_of_classes(dataset.splits["train"].y, label, first)
        once, place = np.unique(numbers, return_inverse=True)  # as a file is read
        return torch.from_numpy(x[once][place].reshape(n, dataset.dim))
    found = [torch.empty(0, dataset.dim)]
    while n:
        part = np.asarray(x[first : first + n])
        found.append(torch.from_numpy(part.reshape(len(part), -1)))
        n, first = n - len(part), 0
    return torch.cat(found)


def _numbers_of_classes(y: np.ndarray | None, label: np.ndarray, first: int) -> np.ndarray:
    """Numbers `(n,)` of rows, whose classes are y `(m,)`, of the classes `label (n,)`."""
    assert y is not None
    numbers = np.empty(len(label), int)
    for known in np.unique(label):
        own, wanted = np.flatnonzero(y == known), label == known
        numbers[wanted] = own[(first + np.arange(wanted.sum())) % len(own)]
    return numbers
