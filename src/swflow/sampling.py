"""The sample stage: draws of anything that can be drawn from, kept in one HDF5 file."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch

from swflow.datasets import read_dataset
from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.models import load
from swflow.models.base import DESCRIPTION, Point, Sampler, SourceModel
from swflow.models.particles import Particles
from swflow.models.test_set import TestSet
from swflow.progress import progress
from swflow.provenance import peak_memory
from swflow.randomness import keyed_generator
from swflow.sources import draw_source
from swflow.trajectory import Trajectory

KEYS = ("entropy", "time", "passes")


@dataclass(frozen=True)
class Draws:
    """One group of the file: x `(n, *event_shape)` in model units.

    label: the class of each `(n,)`, where there are classes; working_set_bytes: memory that
    drawing all groups took.
    """

    point: Point
    x: np.ndarray
    working_set_bytes: int
    label: np.ndarray | None = None


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
    sampler: Sampler,
    entropies: Sequence[float] = (),
    times: Sequence[float] = (),
    passes: Sequence[int] = (),
    label: int | None = None,
) -> list[Point]:
    """Every combination of entropies, times and numbers of passes, of one class or all.

    Where they are empty: what the sampler was made from, without time 0. A sampler without times,
    such as real rows, has one point, at (nan, nan). Raises InputError for what it does not know.
    """
    domain = sampler.domain
    for entropy in entropies:
        sampler.check_entropy(entropy)
    for time in times:
        sampler.check_time(time)
    for number in passes:
        sampler.check_passes(number)
    sampler.check_label(label)
    if math.isnan(domain.times[-1]):
        return [Point(math.nan, math.nan)]
    after_start = [t for t in domain.times if t > 0]
    return [
        Point(*point, label)
        for point in itertools.product(
            entropies or domain.entropies, times or after_start, passes or sampler.passes
        )
    ]


def one_point(
    sampler: Sampler,
    entropies: Sequence[float],
    times: Sequence[float],
    passes: Sequence[int],
    label: int | None = None,
) -> Point:
    """The one point asked for: by default the end of the flow, at the first entropy.

    Raises InputError for several of one kind, and for what the sampler does not know.
    """
    for name, values in (("entropy", entropies), ("time", times), ("passes", passes)):
        if len(values) > 1:
            raise InputError(f"{name} = {list(values)}: one value is needed; .h5 takes several.")
    domain = sampler.domain
    asked = entropies or domain.entropies[:1], times or domain.times[-1:], passes
    return sampling_points(sampler, *asked, label)[-1]


def write_samples(
    sampler: Sampler, n: int, points: Sequence[Point], seed: int, out: Path, *, quasi: bool = False
) -> None:
    """Draw `n` samples (or all rows there are) at each point into an HDF5 file.

    Model units; attributes `shift` and `scale` lead to data units. `working_set_bytes` is the
    memory this took beyond what was in use at the start.
    """
    n = min(n, len(sampler.rows)) if isinstance(sampler, TestSet) else n
    units, before = sampler.domain.units, peak_memory()
    with atomic_path(out) as partial, h5py.File(partial, "w", libver="latest") as file:
        file.attrs.update({"kind": sampler.kind, "shift": units.shift, "scale": units.scale})
        for point in progress("sample", points):
            # One stream for all points: row i is the same source point at every time.
            generator = keyed_generator(seed, "sample")
            x, label = sampler.draw(n, point, generator, quasi)
            group = file.create_group(
                f"entropy{point.entropy:g}/time{point.time:g}/passes{point.passes}"
            )
            group.attrs.update({key: getattr(point, key) for key in KEYS})
            # With checksums: a flipped byte is an error when it is read.
            group.create_dataset(
                "x", data=x.numpy().reshape(n, *units.event_shape), fletcher32=True
            )
            if label is not None:
                group.create_dataset("label", data=label.numpy(), fletcher32=True)
        file.attrs["working_set_bytes"] = peak_memory() - before


def journey(
    sampler: Sampler, n: int, entropy: float | None, label: int | None, seed: int
) -> Callable[[float], np.ndarray]:
    """Where n points are at any time up to the horizon: `(n, *event_shape)`, data units.

    A model carries source points. Of a stored run the particles (for ε > 0 their twins) are
    joined between stored times, straight in log(1 + τ). Raises InputError for other samplers.
    """
    point = sampler.check(None, entropy, label, sampler.passes[-1])
    units = sampler.domain.units
    if isinstance(sampler, SourceModel):
        generator = keyed_generator(seed, "sample")
        of = sampler.choose_labels(n, point, generator)
        x0 = draw_source(sampler.domain.source, n, units.dim, generator=generator)
        entropy, _, passes, _ = point
        return lambda time: sampler.to_data(
            sampler.transport(x0, time=time, entropy=entropy, label=of, passes=passes)
        ).numpy()
    if isinstance(sampler, Particles):
        store = sampler.store(point)
        rows = sampler.rows(point)
        rows = rows[torch.randperm(len(rows), generator=keyed_generator(seed, "sample"))[:n]]
        clouds = np.stack([store.paired(k)[rows] for k in range(len(store.time))])
        return lambda time: units.to_data(_between(np.log1p(store.time), clouds, np.log1p(time)))
    raise InputError(f"{sampler.kind} does not move: give a network or the stores of a flow.")


def _between(knots: np.ndarray, clouds: np.ndarray, at: float) -> np.ndarray:
    """Piecewise linear through clouds `(T, n, d)` at increasing knots `(T,)`."""
    k = int(np.clip(np.searchsorted(knots, at) - 1, 0, len(knots) - 2))
    part = np.float32((at - knots[k]) / (knots[k + 1] - knots[k]))
    return (1 - part) * clouds[k] + part * clouds[k + 1]


def read_samples(path: Path) -> Iterator[Draws]:
    """Each group of a sample file, in order of entropy, time and passes."""
    try:
        with h5py.File(path) as file:
            groups = [g for e in file.values() for t in e.values() for g in t.values()]
            for group in sorted(groups, key=lambda g: tuple(g.attrs[k] for k in KEYS)):
                entropy, time, passes = (group.attrs[k] for k in KEYS)
                memory = int(file.attrs["working_set_bytes"])
                point = Point(float(entropy), float(time), int(passes))
                label = group["label"][:] if "label" in group else None
                yield Draws(point, group["x"][:], memory, label)
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: not a readable sample file ({error}); sample again.") from error
