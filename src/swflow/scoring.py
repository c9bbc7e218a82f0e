"""The score stage: every metric of one row of one experiment at one seed, as JSON."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.flow import step_schedule
from swflow.metrics.agreement import Judge
from swflow.metrics.cost import cost
from swflow.metrics.fidelity import class_fidelity, fidelity
from swflow.metrics.gaussian import closed_form_errors
from swflow.metrics.generation import generation
from swflow.metrics.memorisation import memorisation
from swflow.metrics.optimal_map import optimal_map
from swflow.metrics.rows import Row
from swflow.models.base import Model, Sampler
from swflow.models.particles import Particles
from swflow.models.test_set import TestSet
from swflow.progress import progress
from swflow.sampling import Draws, read_samples
from swflow.settings import ScoreSettings, SimulationSettings
from swflow.trajectory import Trajectory


def score(
    samples: Path,
    sampler: Sampler,
    dataset: Dataset,
    references: Sequence[Trajectory],
    settings: ScoreSettings,
    seed: int,
) -> list[Row]:
    """Score a sampler and its stored draws against reference runs (one for each entropy).

    Raises InputError where draws have no reference of their entropy.
    """
    rows: list[Row] = []
    job = _Job(sampler, dataset, {store.entropy: store for store in references}, settings, seed)
    for draws in progress("score", list(read_samples(samples))):
        entropy, time, passes, _ = draws.point
        domain = sampler.domain
        trained = math.isnan(entropy) or bool(
            np.isclose(entropy, domain.entropies).any() and np.isclose(time, domain.times).any()
        )
        for label, metric, value, n in job.measure(draws):
            rows.append(Row(entropy, time, passes, label, trained, metric, value, None, n))
    if isinstance(sampler, Particles):
        rows += _flow_rows(sampler, dataset)
    return rows


@dataclass
class _Job:
    """What all draws of one row of the tables are measured with."""

    sampler: Sampler
    dataset: Dataset
    references: dict[float, Trajectory]
    settings: ScoreSettings
    seed: int

    @cached_property
    def judge(self) -> Judge | None:
        """A classifier of the training rows, where they have classes."""
        y = self.dataset.splits["train"].y
        return None if y is None else Judge(self.dataset.rows("train"), y)

    def measure(self, draws: Draws) -> Iterator[tuple[int | None, str, float, int]]:
        """Every metric of one group of draws: class (None: all), name, value, n."""
        flat = draws.x.reshape(len(draws.x), -1)
        if math.isnan(draws.point.entropy):
            yield from _of_all(self._generation(draws, flat))
            if isinstance(self.sampler, Model):
                yield from _of_all(self._memorisation(flat))
                yield from _of_all(self._cost(draws, None))
            return
        reference = self._reference(draws.point.entropy)
        # Runs that stop near their floor may end at different times.
        end = min(self.sampler.domain.times[-1], reference.time[-1])
        if draws.point.time > end:
            return
        at = (reference, draws.point, self.settings, self.seed)
        yield from _of_all(fidelity(self.sampler, flat, *at))
        yield from _of_all(self._memorisation(flat))
        if draws.point.time < end:
            return
        if draws.label is not None:
            yield from class_fidelity(flat, draws.label, *at)
        yield from _of_all(self._cost(draws, reference))
        yield from _of_all(self._generation(draws, flat))

    def _cost(self, draws: Draws, reference: Trajectory | None) -> Iterator[tuple[str, float, int]]:
        """What more draws take, and how near the map behind them is to the optimal one."""
        point, settings, seed = draws.point, self.settings, self.seed
        yield from cost(self.sampler, self.dataset, reference, point, settings, seed)
        if isinstance(self.sampler, Model):
            yield "working_set_bytes", float(draws.working_set_bytes), len(draws.x)
        yield from optimal_map(self.sampler, self.dataset, point, seed)

    def _reference(self, entropy: float) -> Trajectory:
        if entropy not in self.references:
            raise InputError(
                f"draws at entropy {entropy:g} have no reference run: given are "
                f"{', '.join(f'{e:g}' for e in self.references)}; simulate that entropy too."
            )
        return self.references[entropy]

    def _generation(self, draws: Draws, flat: np.ndarray) -> Iterator[tuple[str, float, int]]:
        """Draws against real rows that nobody saw, and their classes as a classifier sees them."""
        real = self.dataset.rows("test")
        n = min(len(real), len(self.dataset.rows("heldout")), len(flat))
        yield from generation(flat, real, n, self.settings, self.seed)
        if draws.label is not None and self.judge is not None:
            yield "label_agreement", self.judge.agreement(flat, draws.label), len(flat)
        if isinstance(self.sampler, TestSet):  # its null is fresh data, not the held-out rows
            yield from self._memorisation(real)
            yield "train_rows", float(len(self.dataset.rows("train"))), len(real)

    def _memorisation(self, flat: np.ndarray) -> Iterator[tuple[str, float, int]]:
        train, heldout = self.dataset.rows("train"), self.dataset.rows("heldout")
        few = flat[: self.settings.n_memorisation]
        yield from memorisation(few, train, heldout, self.seed)


def _of_all(
    measured: Iterator[tuple[str, float, int]],
) -> Iterator[tuple[None, str, float, int]]:
    """Metrics of draws of all classes together."""
    for metric, value, n in measured:
        yield None, metric, value, n


def _flow_rows(particles: Particles, dataset: Dataset) -> Iterator[Row]:
    """Convergence to the data, as stored with the flow, and closed forms where there are any."""
    for store in particles.stores.values():
        n, _ = store.shape
        schedule = step_schedule(SimulationSettings.model_validate(store.settings))
        for index, time in enumerate(store.time):
            at = (store.entropy, float(time), 1, None, True)
            steps = sum(step.time < time for step in schedule)
            yield Row(*at, "steps", float(steps), None, n)
            attributes = store.attributes
            for split in ("train", "heldout"):
                value, floor = attributes[f"sw_{split}"][index], attributes[f"floor_{split}"]
                yield Row(*at, f"sw_{split}", value, floor, n)
        if "covariance" in dataset.attributes and store.settings["source"]["law"] == "gaussian":
            for time, metric, value, floor, n in closed_form_errors(dataset, store):
                yield Row(store.entropy, time, 1, None, True, metric, value, floor, n)


def write_scores(rows: Sequence[Row], out: Path) -> None:
    """Write rows as JSON; NaN (no time, no entropy) becomes null."""
    records = [
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row._asdict().items()}
        for row in rows
    ]
    with atomic_path(out) as partial:
        partial.write_text(json.dumps(records, indent=1))
