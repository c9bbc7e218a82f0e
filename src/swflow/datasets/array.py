"""The user's own rows: .npy, .npz, .csv or .h5."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import pandas as pd

from swflow.datasets.make import RawRows
from swflow.runtime.errors import InputError
from swflow.runtime.hdf5 import open_hdf5
from swflow.runtime.memory import refuse_larger, refuse_missing
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
        if not np.ndim(x):
            raise InputError("holds a single number; needed are rows.")
        classes = None if y is None else _as_classes(y, len(x))
    except InputError as error:
        raise InputError(f"path = {path}: {error}") from error
    except Exception as error:  # readers of strangers' bytes raise unrelated types
        raise InputError(f"path = {path}: cannot be read ({error}).") from error
    attributes = {"source": str(path), "sha256": file_digest(path)}
    decoder = None if settings.decoder is None else _read_decoder(settings.decoder)
    return RawRows(x, classes, attributes, decoder=decoder)


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
            with zipfile.ZipFile(path) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist()]
                return _pick(settings, key, names, lambda name: _of_npz(archive, name))
        case ".h5":
            with open_hdf5(path) as file:
                found = {k: v for k, v in file.items() if isinstance(v, h5py.Dataset)}
                return _pick(settings, key, list(found), lambda name: _mapped(found[name]))
        case _:
            return _read_csv(settings)


def _pick(
    settings: ArraySettings, key: str, names: list[str], read: Callable[[str], np.ndarray]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows and labels, of the arrays that a file names."""
    for name in filter(None, (key, settings.labels)):
        if name not in names:
            raise InputError(
                f"holds no array {name!r} (found: {', '.join(names) or 'none'}); set key and "
                "labels."
            )
    return read(key), np.asarray(read(settings.labels)) if settings.labels else None


def _of_npz(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array that is no larger than what is packed."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        shape, dtype = _npy_header(member)
    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    refuse_missing(n_bytes, info.file_size, f"array {name!r}")
    refuse_larger(n_bytes, f"array {name!r}")
    with archive.open(info) as member:
        found: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
    return found


def _npy_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, dtype = read(member)
    return shape, dtype


def _mapped(stored: h5py.Dataset) -> np.ndarray:
    """An array of a file, left in it where it lies there in one piece."""
    offset = stored.id.get_offset()
    if offset is None or not stored.size or stored.dtype.kind not in "fiub":
        refuse_larger(stored.nbytes, f"array {stored.name!r}")
        return np.asarray(stored[()])
    return np.memmap(stored.file.filename, stored.dtype, "r", offset, stored.shape)


def _read_csv(settings: ArraySettings) -> tuple[np.ndarray, np.ndarray | None]:
    """Numbers with a header line; every column but the label's is a coordinate."""
    header = pd.read_csv(settings.path, header=None, nrows=1, dtype=str).iloc[0].to_list()
    counted = header == [str(k) for k in range(len(header))]  # as pandas numbers columns
    if not counted and pd.to_numeric(pd.Series(header), errors="coerce").notna().all():
        raise InputError(f"its first line, {header}, holds numbers; give a line of names first.")
    if len(set(header)) < len(header) or pd.isna(header).any():
        raise InputError(
            f"its header, {header}, has a name twice or a column without one (an index that was "
            "written, too): name each column once."
        )
    table = pd.read_csv(settings.path)
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(
            f"its lines have more values than the {len(header)} names of its header; are there "
            "decimal commas? Write points, and commas between columns."
        )
    if settings.labels is None:
        return table.to_numpy(), None
    if settings.labels not in table:
        raise InputError(f"no column {settings.labels!r}; found {list(table.columns)}.")
    return table.drop(columns=settings.labels).to_numpy(), table[settings.labels].to_numpy()


def _as_classes(labels: np.ndarray, n: int) -> np.ndarray:
    """Integers stay, whole numbers and words are numbered in sorted order.

    Raises InputError for any others, and for another number of them than of the n rows.
    """
    if labels.shape != (n,):
        raise InputError(f"{n} rows, but labels of shape {labels.shape}.")
    if pd.isna(labels).any():
        raise InputError("some labels are missing; fill them, or remove those rows.")
    if labels.dtype.kind in "fc" and not np.equal(labels, np.rint(labels.real)).all():
        raise InputError("labels are no whole numbers; classes are integers or words.")
    if labels.dtype.kind in "iu" and labels.max(initial=0) <= np.iinfo(np.int64).max:
        return labels
    return np.unique(labels, return_inverse=True)[1]
