"""Samples on disk: one HDF5 file with a group for each entropy, time and number of passes."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path
from swflow.runtime.hdf5 import open_hdf5
from swflow.runtime.memory import refuse_missing

FORMAT = 2
KEYS = ("entropy", "time", "passes")


class StoredDraws(NamedTuple):
    """One group: what was asked for (None: the sampler knows none), and what was drawn.

    x: `(n, *event_shape)` in model units; label: the class of each `(n,)`, where there are classes.
    """

    entropy: float | None
    time: float | None
    passes: int
    x: np.ndarray
    label: np.ndarray | None


def write_samples(out: Path, groups: Iterable[StoredDraws], attributes: dict[str, Any]) -> None:
    """Write each group as it comes; whole or not at all.

    attributes: of the file; a callable is asked for its value once all groups are written.
    """
    digest = hashlib.sha256()
    with atomic_path(out) as partial, h5py.File(partial, "w", libver="latest") as file:
        for draws in groups:
            group = file.create_group(_name(draws))
            known = {key: getattr(draws, key) for key in KEYS}
            group.attrs.update({key: value for key, value in known.items() if value is not None})
            # With checksums: a flipped byte is an error when it is read.
            group.create_dataset("x", data=draws.x, fletcher32=True)
            _update(digest, draws)
            if draws.label is not None:
                group.create_dataset("label", data=draws.label, fletcher32=True)
        said = {key: value() if callable(value) else value for key, value in attributes.items()}
        file.attrs.update({"format": FORMAT, "digest": digest.hexdigest()[:16], **said})


def samples_digest(groups: Iterable[StoredDraws]) -> str:
    """What identifies the draws of a file."""
    digest = hashlib.sha256()
    for draws in groups:
        _update(digest, draws)
    return digest.hexdigest()[:16]


def _update(digest: Any, draws: StoredDraws) -> None:
    for numbers in (draws.x, draws.label):
        if numbers is not None:
            digest.update(np.ascontiguousarray(numbers).data)


def read_samples(path: Path) -> Iterator[StoredDraws]:
    """Each group of a file, in order of entropy, time and passes. Raises InputError if damaged."""
    try:
        with open_hdf5(path) as file:
            _check(path, file)
            groups = [g for e in file.values() for t in e.values() for g in t.values()]
            for group in sorted(groups, key=lambda g: tuple(g.attrs.get(k, -1.0) for k in KEYS)):
                entropy, time = (_number(group.attrs.get(key)) for key in KEYS[:2])
                for name in group:
                    held = group[name].id.get_storage_size()
                    refuse_missing(group[name].nbytes, held, f"{path}, {name}")
                label = group["label"][:] if "label" in group else None
                yield StoredDraws(entropy, time, int(group.attrs["passes"]), group["x"][:], label)
    except InputError:
        raise
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise InputError(f"{path}: not a readable sample file ({error}); sample again.") from error


def read_attributes(path: Path) -> dict[str, Any]:
    """What is said of all draws of a file: kind, units, digest, the memory that they took."""
    try:
        with open_hdf5(path) as file:
            _check(path, file)
            return dict(file.attrs)
    except (OSError, KeyError, RuntimeError, UnicodeError) as error:
        raise InputError(f"{path}: not a readable sample file ({error}); sample again.") from error


def _check(path: Path, file: h5py.File) -> None:
    found = file.attrs.get("format")
    if found != FORMAT:
        raise InputError(
            f"{path}: sample format {found}, this version reads {FORMAT}; sample again."
        )


def _name(draws: StoredDraws) -> str:
    entropy, time = ("none" if v is None else f"{v:g}" for v in (draws.entropy, draws.time))
    return f"entropy{entropy}/time{time}/passes{draws.passes}"


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
