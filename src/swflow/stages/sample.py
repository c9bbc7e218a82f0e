"""The sample stage: draws of anything that can be drawn from, kept in one HDF5 file."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from swflow.models.draws import Draws, stored_draws
from swflow.models.sampler import Sampler
from swflow.models.spec import Condition
from swflow.runtime.progress import progress
from swflow.runtime.provenance import memory_since, peak_memory
from swflow.store import samples
from swflow.store.samples import StoredDraws


def write_samples(
    sampler: Sampler,
    n: int,
    conditions: Sequence[Condition],
    seed: int,
    out: Path,
    *,
    quasi: bool = False,
) -> None:
    """Draw `n` samples (or all rows there are) under each condition into an HDF5 file.

    Model units; attributes `shift` and `scale` lead to data units. `working_set_bytes` is the
    memory this took beyond what was in use at the start.
    """
    units, before = sampler.spec.units, peak_memory()
    draws = stored_draws(sampler, n, conditions, seed, quasi)
    groups = (
        StoredDraws(of.condition.entropy, of.condition.time, of.condition.passes, of.x, of.label)
        for of in progress("sample", draws, total=len(conditions))
    )
    attributes = {"kind": sampler.kind, "shift": units.shift, "scale": units.scale}
    attributes["source"] = json.dumps(sampler.identity)
    memory = {"working_set_bytes": lambda: memory_since(before)}
    samples.write_samples(out, groups, attributes | memory)


def scored_samples(path: Path) -> Iterator[Draws]:
    """Those of a sample file but for the source's at time 0, which pictures alone show."""
    return (draws for draws in read_samples(path) if draws.condition.time != 0)


def read_samples(path: Path) -> Iterator[Draws]:
    """Each group of a sample file, in order of entropy, time and passes."""
    for stored in samples.read_samples(path):
        condition = Condition(stored.entropy, stored.time, stored.passes)
        yield Draws(condition, stored.x, stored.label)
