"""The user's own rows: .npy, .npz, .csv or .h5."""

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from swflow.datasets.file import Split
from swflow.errors import InputError
from swflow.settings import ArraySettings


def array(settings: ArraySettings) -> Split:
    """Read rows and, where named, labels. Raises InputError where the file does not hold them."""
    path, key = settings.path, settings.key or "x"
    if not path.is_file():
        raise InputError(f"path = {path}: no such file; correct the dataset's path.")
    try:
        match path.suffix:
            case ".npy":
                return Split(np.load(path, allow_pickle=False))
            case ".npz":
                with np.load(path, allow_pickle=False) as arrays:
                    return _pick(settings, key, {name: arrays[name] for name in arrays.files})
            case ".h5":
                with h5py.File(path) as file:
                    wanted = [n for n in (key, settings.labels) if n and n in file]
                    return _pick(settings, key, {name: file[name][()] for name in wanted})
            case _:
                return _read_csv(settings)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"path = {path}: cannot be read ({error}).") from error


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pick(settings: ArraySettings, key: str, arrays: dict[str, np.ndarray]) -> Split:
    for name in filter(None, (key, settings.labels)):
        if name not in arrays:
            raise InputError(
                f"path = {settings.path}: holds no array {name!r} "
                f"(found: {', '.join(arrays) or 'none of those asked for'}); set key and labels."
            )
    return Split(arrays[key], _as_classes(arrays[settings.labels]) if settings.labels else None)


def _read_csv(settings: ArraySettings) -> Split:
    """Numbers with a header line; every column but the label's is a coordinate."""
    table = pd.read_csv(settings.path)
    if settings.labels is None:
        return Split(table.to_numpy())
    if settings.labels not in table:
        raise InputError(
            f"path = {settings.path}: no column {settings.labels!r}; found {list(table.columns)}."
        )
    rows = table.drop(columns=settings.labels).to_numpy()
    return Split(rows, _as_classes(table[settings.labels].to_numpy()))


def _as_classes(labels: np.ndarray) -> np.ndarray:
    """Integers stay; anything else is numbered in sorted order."""
    return labels if labels.dtype.kind in "iu" else np.unique(labels, return_inverse=True)[1]
