"""Datasets on disk: one HDF5 file with the splits in model units."""

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from swflow.representation.affine import Affine, SlicedRows, slices
from swflow.representation.dataset import Dataset, Sizes, Split
from swflow.representation.latent import with_decoder
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path
from swflow.runtime.hdf5 import open_hdf5
from swflow.runtime.memory import refuse_missing
from swflow.runtime.provenance import versions

FORMAT = 1
SPLITS = ("train", "heldout", "test")
DECODER = "decoder"  # of latents, packed
DIGEST_ROWS = 4096  # read at a time


def write_dataset(
    path: Path,
    name: str,
    units: Affine,
    splits: Mapping[str, tuple[SlicedRows, np.ndarray | None]],
    attributes: Mapping[str, Any],
) -> None:
    """Write a file, whole or not at all, reading the splits' rows (model units) in slices."""
    with atomic_path(path) as partial, h5py.File(partial, "w", libver="latest") as file:
        stored = {}
        for split, (rows, y) in splits.items():
            x = file.create_dataset(f"{split}/x", rows.shape, np.float32)
            begin = 0
            for part in slices(rows):
                x[begin : begin + len(part)] = part
                begin += len(part)
            if y is not None:
                file[f"{split}/y"] = y.astype(np.int64)
            stored[split] = Split(x, file[f"{split}/y"][:] if y is not None else None)
        if units.packed is not None:
            file[DECODER] = np.frombuffer(units.packed, np.uint8)
        file.attrs.update(
            {
                "format": FORMAT,
                "name": name,
                "shift": units.shift,
                "scale": units.scale,
                "value_range": units.value_range,
                "versions": json.dumps(versions()),
                "digest": _digest(stored, units.packed),
                **attributes,
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
            file = stack.enter_context(open_hdf5(path))
            attributes = dict(file.attrs)
            found = attributes.get("format")
            if found != FORMAT:
                raise InputError(
                    f"{path}: dataset format {found}, this version reads format {FORMAT}. {remedy}"
                )
            _check_sizes(path, file)
            decoder = bytes(file[DECODER][:]) if DECODER in file else None
            rows = {name: _read_split(file[name], streamed and name == "train") for name in SPLITS}
            digest = _digest(rows, decoder)
            if attributes.get("digest", digest) != digest:
                raise InputError(f"{path}: the rows are not those that were written. {remedy}")
            low, high = (float(value) for value in attributes["value_range"])
            shift, scale = np.asarray(attributes["shift"]), float(attributes["scale"])
            units = Affine(shift, scale, rows["train"].x.shape[1:], (low, high))
            name = str(attributes["name"])
            if streamed:
                stack.pop_all()  # the rows left in the file need it open
    except InputError:
        raise
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable dataset file ({error}). {remedy}") from error
    return Dataset(name, rows, with_decoder(units, decoder), attributes, digest)


def dataset_sizes(path: Path) -> Sizes:
    """What a finished file says of its rows, which are not read. Raises InputError if damaged."""
    try:
        with h5py.File(path) as file:
            rows, *event = file["train/x"].shape
            others = len(file["heldout/x"]) + len(file["test/x"])
    except FileNotFoundError:
        raise
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: not a readable dataset file ({error}). Remove it and run snakemake again."
        ) from error
    return Sizes(rows, others, math.prod(event))


def _check_sizes(path: Path, file: h5py.File) -> None:
    """Nothing is compressed: an array that says more than is there would be read as zeros."""

    def check(name: str, stored: Any) -> None:
        if isinstance(stored, h5py.Dataset):
            refuse_missing(stored.nbytes, stored.id.get_storage_size(), f"{path}, {name}")

    file.visititems(check)


def _read_split(group: h5py.Group, streamed: bool) -> Split:
    return Split(group["x"] if streamed else group["x"][:], group["y"][:] if "y" in group else None)


def _digest(splits: Mapping[str, Split], decoder: bytes | None) -> str:
    digest = hashlib.sha256()
    for name in SPLITS:
        x, y = splits[name]
        for begin in range(0, len(x), DIGEST_ROWS):
            digest.update(np.ascontiguousarray(x[begin : begin + DIGEST_ROWS]).data)
        if y is not None:
            digest.update(np.ascontiguousarray(y).data)
    if decoder is not None:
        digest.update(decoder)
    return digest.hexdigest()[:16]
