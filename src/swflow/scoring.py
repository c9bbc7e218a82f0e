"""The score stage: every metric of one row of one experiment at one seed, as JSON."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.metrics.cost import cost
from swflow.metrics.fidelity import fidelity
from swflow.metrics.gaussian import closed_form_errors
from swflow.metrics.generation import generation
from swflow.metrics.memorisation import memorisation
from swflow.metrics.rows import Row
from swflow.models.base import Model, Sampler
from swflow.models.particles import Particles
from swflow.models.test_set import TestSet
from swflow.progress import progress
from swflow.sampling import Draws, read_samples
from swflow.settings import ScoreSettings
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
    by_entropy = {store.entropy: store for store in references}
    for draws in progress("score", list(read_samples(samples))):
        entropy, time, passes = draws.point
        trained = math.isnan(entropy) or bool(np.isclose(entropy, sampler.domain.entropies).any())
        at = (entropy, time, passes, None, trained)
        measured = _measure(draws, sampler, dataset, by_entropy, settings, seed)
        rows += [Row(*at, metric, value, None, n) for metric, value, n in measured]
    if isinstance(sampler, Particles):
        rows += _flow_rows(sampler, dataset)
    return rows


def _measure(
    draws: Draws,
    sampler: Sampler,
    dataset: Dataset,
    references: dict[float, Trajectory],
    settings: ScoreSettings,
    seed: int,
) -> Iterator[tuple[str, float, int]]:
    """Fidelity at every time; cost, generation and memorisation at the end of the flow."""
    flat = draws.x.reshape(len(draws.x), -1)
    entropy, time, _ = draws.point
    if not math.isnan(entropy):
        if entropy not in references:
            raise InputError(
                f"draws at entropy {entropy:g} have no reference run: given are "
                f"{', '.join(f'{e:g}' for e in references)}; simulate that entropy too."
            )
        reference = references[entropy]
        # Runs that stop near their floor may end at different times.
        end = min(sampler.domain.times[-1], reference.time[-1])
        if time > end:
            return
        yield from fidelity(sampler, flat, reference, draws.point, settings, seed)
        if time < end:
            return
        yield from cost(sampler, dataset, reference, draws.point, settings, seed)
        if isinstance(sampler, Model):
            yield "working_set_bytes", float(draws.working_set_bytes), len(flat)
    real = dataset.rows("test")
    n = min(len(real), len(dataset.rows("heldout")), len(flat))
    yield from generation(flat, real, n, settings, seed)
    # The null of memorisation is fresh data, not the held-out rows themselves.
    few = (real if isinstance(sampler, TestSet) else flat)[: settings.n_memorisation]
    yield from memorisation(few, dataset.rows("train"), dataset.rows("heldout"), seed)


def _flow_rows(particles: Particles, dataset: Dataset) -> Iterator[Row]:
    """Convergence to the data, as stored with the flow, and closed forms where there are any."""
    for store in particles.stores.values():
        n, _ = store.shape
        for index, time in enumerate(store.time):
            at = (store.entropy, float(time), 1, None, True)
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
