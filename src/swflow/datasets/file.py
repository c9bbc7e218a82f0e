"""Datasets on disk: one HDF5 file with the splits in model units."""

import hashlib
import json
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


@dataclass(frozen=True)
class Split:
    """Rows x `(n, *event_shape)` and, where labelled, classes y `(n,)`."""

    x: np.ndarray
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

    def rows(self, split: str) -> np.ndarray:
        """Flattened rows `(n, d)` of a split, float32, model units."""
        x = self.splits[split].x
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
    with atomic_path(path) as partial, h5py.File(partial, "w", libver="latest") as file:
        for split, rows in raw.splits.items():
            group = file.create_group(split)
            group["x"] = units.to_model(rows.x)
            if rows.y is not None:
                group["y"] = rows.y.astype(np.int64)
        file.attrs.update(
            {
                "format": FORMAT,
                "name": name,
                "shift": units.shift,
                "scale": units.scale,
                "value_range": units.value_range,
                "versions": json.dumps(versions()),
                **raw.attributes,
            }
        )


def read_dataset(path: Path) -> Dataset:
    """Read a dataset file. Raises InputError where it is absent, foreign or of another version."""
    remedy = f"Remove {path} and run `swflow prepare` (or snakemake) again."
    if not path.is_file():
        raise InputError(f"{path}: no such dataset file. {remedy}")
    try:
        with h5py.File(path) as file:
            attributes = dict(file.attrs)
            found = attributes.get("format")
            if found != FORMAT:
                raise InputError(
                    f"{path}: dataset format {found}, this version reads format {FORMAT}. {remedy}"
                )
            splits = {name: _read_split(file[name]) for name in SPLITS}
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: not a readable dataset file ({error}). {remedy}") from error
    low, high = attributes["value_range"]
    shape = splits["train"].x.shape[1:]
    units = Units(
        np.asarray(attributes["shift"]),
        float(attributes["scale"]),
        shape,
        (float(low), float(high)),
    )
    return Dataset(str(attributes["name"]), splits, units, attributes, _digest(splits))


def _read_split(group: h5py.Group) -> Split:
    return Split(group["x"][:], group["y"][:] if "y" in group else None)


def _digest(splits: dict[str, Split]) -> str:
    digest = hashlib.sha256()
    for name in SPLITS:
        digest.update(np.ascontiguousarray(splits[name].x).data)
        if splits[name].y is not None:
            digest.update(np.ascontiguousarray(splits[name].y).data)
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
