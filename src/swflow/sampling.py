"""The sample stage: draws of anything that can be drawn from, kept in one HDF5 file."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from swflow.datasets import read_dataset
from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.models import load
from swflow.models.base import DESCRIPTION, Sampler
from swflow.models.particles import Particles
from swflow.models.test_set import TestSet
from swflow.progress import progress
from swflow.randomness import keyed_generator
from swflow.settings import SampleSettings
from swflow.trajectory import Trajectory


@dataclass(frozen=True)
class Draws:
    """One group of the file: x `(n, *event_shape)` in model units."""

    entropy: float
    time: float
    passes: int
    x: np.ndarray


def open_sampler(paths: Sequence[Path]) -> Sampler:
    """A model folder, a dataset file, or the stores of one flow (one for each entropy).

    Raises InputError where a path is none of these.
    """
    first = paths[0]
    if (first / DESCRIPTION).is_file():
        return load(first)
    if first.suffix == ".h5":
        return TestSet(read_dataset(first))
    if first.suffix == ".zarr":
        return Particles(Trajectory.open_all(list(paths)))
    raise InputError(
        f"{first}: nothing to draw from; give a model folder, a flow store (.zarr) or a "
        "dataset file (.h5)."
    )


def sampling_points(
    sampler: Sampler, entropies: Sequence[float], times: Sequence[float]
) -> list[tuple[float, float]]:
    """(entropy, time): of `entropies` those that the sampler knows, and all `times`.

    Where they are empty: what the sampler was made from, without time 0. A sampler without times,
    such as real rows, has the one point (nan, nan). Raises InputError where nothing is left.
    """
    domain = sampler.domain
    if math.isnan(domain.times[-1]):
        return [(math.nan, math.nan)]
    known = [e for e in entropies or domain.entropies if sampler.knows_entropy(e)]
    if not known:
        raise InputError(
            f"entropies {list(entropies)}: this {sampler.kind} was made from "
            f"{list(domain.entropies)}; ask for one of those."
        )
    for time in times:
        sampler.check_time(time)
    return [(e, t) for e in known for t in times or [t for t in domain.times if t > 0]]


def write_samples(
    sampler: Sampler,
    settings: SampleSettings,
    points: Sequence[tuple[float, float]],
    seed: int,
    out: Path,
) -> None:
    """Draw `settings.n` samples (or all rows there are) at each point (entropy, time)."""
    n = min(settings.n, len(sampler.rows)) if isinstance(sampler, TestSet) else settings.n
    units = sampler.domain.units
    with atomic_path(out) as partial, h5py.File(partial, "w", libver="latest") as file:
        file.attrs.update({"kind": sampler.kind, "shift": units.shift, "scale": units.scale})
        for entropy, time in progress("sample", points):
            # One stream for all points: row i is the same source point at every time.
            generator = keyed_generator(seed, "sample")
            x = sampler.draw(n, time, entropy, generator=generator)
            group = file.create_group(f"entropy{entropy:g}/time{time:g}/passes1")
            group.attrs.update({"entropy": entropy, "time": time, "passes": 1})
            group["x"] = x.numpy().reshape(n, *units.event_shape)


def read_samples(path: Path) -> Iterator[Draws]:
    """Each group of a sample file, in order of entropy, time and passes."""
    try:
        with h5py.File(path) as file:
            groups = [g for e in file.values() for t in e.values() for g in t.values()]
            keys = ("entropy", "time", "passes")
            for group in sorted(groups, key=lambda g: tuple(g.attrs[k] for k in keys)):
                entropy, time, passes = (group.attrs[k] for k in keys)
                yield Draws(float(entropy), float(time), int(passes), group["x"][:])
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: not a readable sample file ({error}); sample again.") from error
