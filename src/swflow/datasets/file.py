"""Datasets on disk: one HDF5 file with the splits in model units."""

import hashlib
import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.provenance import versions
from swflow.units import Units

FORMAT = 1
SPLITS = ("train", "heldout", "test")
DIGEST_ROWS = 4096  # read at a time


@dataclass(frozen=True)
class Split:
    """Rows x `(n, *event_shape)` and, where labelled, classes y `(n,)`.

    x is an array, or the open file's, read slice by slice, where it was asked to be streamed.
    """

    x: "np.ndarray | h5py.Dataset"
    y: np.ndarray | None = None


@dataclass(frozen=True)
class RawDataset:
    """Splits in data units, as a loader returns them, with where they come from."""

    splits: dict[str, Split]
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Splits in model units. `digest` identifies the content."""

    name: str
    splits: dict[str, Split]
    units: Units
    attributes: dict[str, Any]
    digest: str

    @property
    def dim(self) -> int:
        """Dimension of a flattened row."""
        return self.units.dim

    def rows(self, split: str, limit: int | None = None) -> np.ndarray:
        """Flattened rows `(n, d)` of a split (at most the first `limit`), float32, model units."""
        x: np.ndarray = self.splits[split].x[:limit]
        return x.reshape(len(x), -1)


def write_dataset(path: Path, name: str, raw: RawDataset) -> None:
    """Normalise by the training split and write the file, whole or not at all.

    Raises InputError on empty, constant or non-finite rows.
    """
    for split, rows in raw.splits.items():
        _check_rows(f"dataset {name!r}, split {split}", rows)
    units = Units.of(raw.splits["train"].x)
    if not units.scale > 0:
        raise InputError(f"dataset {name!r}: all training rows are equal; a flow needs a spread.")
    splits = {
        name: Split(units.to_model(rows.x), None if rows.y is None else rows.y.astype(np.int64))
        for name, rows in raw.splits.items()
    }
    with atomic_path(path) as partial, h5py.File(partial, "w", libver="latest") as file:
        for split, rows in splits.items():
            group = file.create_group(split)
            group["x"] = rows.x
            if rows.y is not None:
                group["y"] = rows.y
        file.attrs.update(
            {
                "format": FORMAT,
                "name": name,
                "shift": units.shift,
                "scale": units.scale,
                "value_range": units.value_range,
                "versions": json.dumps(versions()),
                "digest": _digest(splits),
                **raw.attributes,
            }
        )


def read_dataset(path: Path, *, streamed: bool = False) -> Dataset:
    """Read a dataset file; `streamed`: leave the training rows in it, to be read in slices.

    Raises InputError where it is absent, damaged, foreign or of another version.
    """
    remedy = f"Remove {path} and run `swflow prepare` (or snakemake) again."
    if not path.is_file():
        raise InputError(f"{path}: no such dataset file. {remedy}")
    try:
        with ExitStack() as stack:
            file = stack.enter_context(h5py.File(path))
            attributes = dict(file.attrs)
            found = attributes.get("format")
            if found != FORMAT:
                raise InputError(
                    f"{path}: dataset format {found}, this version reads format {FORMAT}. {remedy}"
                )
            rows = {name: _read_split(file[name], streamed and name == "train") for name in SPLITS}
            digest = _digest(rows)
            if attributes.get("digest", digest) != digest:
                raise InputError(f"{path}: the rows are not those that were written. {remedy}")
            if streamed:
                stack.pop_all()  # the rows left in the file need it open
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: not a readable dataset file ({error}). {remedy}") from error
    low, high = attributes["value_range"]
    shape = rows["train"].x.shape[1:]
    units = Units(
        np.asarray(attributes["shift"]),
        float(attributes["scale"]),
        shape,
        (float(low), float(high)),
    )
    return Dataset(str(attributes["name"]), rows, units, attributes, digest)


def _read_split(group: h5py.Group, streamed: bool) -> Split:
    return Split(group["x"] if streamed else group["x"][:], group["y"][:] if "y" in group else None)


def _digest(splits: dict[str, Split]) -> str:
    digest = hashlib.sha256()
    for name in SPLITS:
        x, y = splits[name].x, splits[name].y
        for begin in range(0, len(x), DIGEST_ROWS):
            digest.update(np.ascontiguousarray(x[begin : begin + DIGEST_ROWS]).data)
        if y is not None:
            digest.update(np.ascontiguousarray(y).data)
    return digest.hexdigest()[:16]


def _check_rows(where: str, split: Split) -> None:
    x = split.x
    if x.ndim < 2 or not x.size:
        raise InputError(f"{where}: shape {x.shape}; needed is a non-empty (rows, columns, ...).")
    if x.dtype.kind not in "fiub":
        raise InputError(f"{where}: values of type {x.dtype}; needed are numbers.")
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        raise InputError(
            f"{where}: {len(bad)} values are NaN or infinite, the first at index "
            f"{tuple(bad[0].tolist())}; remove or fill them."
        )
    if split.y is not None and split.y.shape != (len(x),):
        raise InputError(f"{where}: {len(x)} rows, but labels of shape {split.y.shape}.")
