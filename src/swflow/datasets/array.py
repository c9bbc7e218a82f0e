"""The user's own rows: .npy, .npz, .csv or .h5."""

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from swflow.datasets.make import RawRows
from swflow.runtime.errors import InputError
from swflow.settings import ArraySettings


def array(settings: ArraySettings, rng: np.random.Generator) -> RawRows:
    """Rows and, where named, labels. Rows of .npy and .h5 stay in the file until they are read.

    Raises InputError where the file does not hold them.
    """
    path = settings.path
    if not path.is_file():
        raise InputError(f"path = {path}: no such file; correct the dataset's path.")
    try:
        x, y = _read(settings)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"path = {path}: cannot be read ({error}).") from error
    attributes = {"source": str(path), "sha256": file_digest(path)}
    decoder = None if settings.decoder is None else _read_decoder(settings.decoder)
    return RawRows(x, None if y is None else _as_classes(y), attributes, decoder=decoder)


def _read_decoder(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"decoder = {path}: cannot be read ({error}).") from error


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(settings: ArraySettings) -> tuple[np.ndarray, np.ndarray | None]:
    path, key = settings.path, settings.key or "x"
    match path.suffix:
        case ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), None
        case ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return _pick(settings, key, {name: arrays[name] for name in arrays.files})
        case ".h5":
            with h5py.File(path) as file:
                found = {k: v for k, v in file.items() if isinstance(v, h5py.Dataset)}
                wanted = {k: _mapped(v) for k, v in found.items() if k in (key, settings.labels)}
                return _pick(settings, key, wanted)
        case _:
            return _read_csv(settings)


def _pick(
    settings: ArraySettings, key: str, arrays: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray | None]:
    for name in filter(None, (key, settings.labels)):
        if name not in arrays:
            raise InputError(
                f"path = {settings.path}: holds no array {name!r} "
                f"(found: {', '.join(arrays) or 'none of those asked for'}); set key and labels."
            )
    return arrays[key], np.asarray(arrays[settings.labels]) if settings.labels else None


def _mapped(stored: h5py.Dataset) -> np.ndarray:
    """An array of a file, left in it where it lies there in one piece."""
    offset = stored.id.get_offset()
    if offset is None or not stored.size or stored.dtype.kind not in "fiub":
        return np.asarray(stored[()])
    return np.memmap(stored.file.filename, stored.dtype, "r", offset, stored.shape)


def _read_csv(settings: ArraySettings) -> tuple[np.ndarray, np.ndarray | None]:
    """Numbers with a header line; every column but the label's is a coordinate."""
    table = pd.read_csv(settings.path)
    if settings.labels is None:
        return table.to_numpy(), None
    if settings.labels not in table:
        raise InputError(
            f"path = {settings.path}: no column {settings.labels!r}; found {list(table.columns)}."
        )
    return table.drop(columns=settings.labels).to_numpy(), table[settings.labels].to_numpy()


def _as_classes(labels: np.ndarray) -> np.ndarray:
    """Integers stay; anything else is numbered in sorted order."""
    return labels if labels.dtype.kind in "iu" else np.unique(labels, return_inverse=True)[1]
