"""Trajectories on disk: a Zarr 3 store, one shard for each stored time."""

import json
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import zarr
from zarr.errors import ArrayNotFoundError, GroupNotFoundError, NodeNotFoundError

from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.flow import Snapshot
from swflow.randomness import keyed_generator

MIN_CHUNK_BYTES = 2**20
CLOUDS = ("particles", "drift", "twin", "carried", "current")


class TrajectoryWriter:
    """Writes snapshots in order, in a thread of its own, to a store that is not yet complete.

    checksums: of the snapshots that are there already, of a store that is to be continued.
    waited_seconds: how long the caller was held up by the disk.
    """

    def __init__(
        self,
        path: Path,
        times: list[float],
        label: np.ndarray | None = None,
        checksums: dict[str, list[int]] | None = None,
    ) -> None:
        self.times = times
        # CRC-32 of each slice of each array, so that a flipped byte is not taken for a number.
        self.checksums = checksums or {}
        self.written = len(self.checksums.get("particles", ()))
        self.arrays: dict[str, Any] = {}
        self.waited_seconds = 0.0
        self.thread = ThreadPoolExecutor(1)
        self.pending: Future[None] | None = None
        if self.written:
            for left in path.rglob("*.partial"):  # Zarr's own, of a write that was killed
                left.unlink()
            self.root = zarr.open_group(path, mode="r+", zarr_format=3)
            self.arrays = {name: self.root[name] for name in CLOUDS if name in self.root}
            return
        self.root = zarr.create_group(path, zarr_format=3, overwrite=True)
        self.root.create_array("time", data=np.asarray(times), compressors=None)
        if label is not None:
            self.root.create_array("label", data=label.astype(np.int64), compressors=None)

    def write(self, snapshot: Snapshot) -> None:
        """Append one snapshot. Raises ValueError if it is not the next stored time."""
        index = self.written
        if index >= len(self.times) or not np.isclose(snapshot.time, self.times[index]):
            raise ValueError(f"snapshot at time {snapshot.time} is not stored time {index}.")
        self.flush()  # at most one snapshot is kept waiting in memory
        self.pending = self.thread.submit(self._write, index, snapshot)
        self.written += 1

    def flush(self) -> None:
        """Wait until all snapshots are written. Raises what went wrong with them."""
        if self.pending is not None:
            began = time.perf_counter()
            pending, self.pending = self.pending, None
            pending.result()
            self.waited_seconds += time.perf_counter() - began

    def finish(self, attributes: dict[str, Any]) -> None:
        """Write the attributes, `complete` last. Raises ValueError if a time is missing."""
        if self.written < len(self.times):
            raise ValueError(f"{self.written} of {len(self.times)} stored times were written.")
        self.flush()
        self.root.attrs.update({**attributes, "checksums": self.checksums})
        self.root.attrs["complete"] = True

    def stop(self) -> None:
        """Let the store end with the last snapshot written."""
        self.flush()
        self.times = self.times[: self.written]
        for array in (self.root["time"], *self.arrays.values()):
            array.resize((self.written, *array.shape[1:]))

    def close(self) -> None:
        """End the thread, after what it was writing."""
        self.thread.shutdown()

    def _write(self, index: int, snapshot: Snapshot) -> None:
        for name in CLOUDS:
            cloud = getattr(snapshot, name)
            if cloud is None:
                continue
            if name not in self.arrays:
                self.arrays[name] = _create_cloud(self.root, name, len(self.times), *cloud.shape)
            values = np.ascontiguousarray(cloud.cpu().numpy())
            self.arrays[name][index] = values
            self.checksums.setdefault(name, []).append(zlib.crc32(values.data))


@contextmanager
def write_trajectory(
    path: Path,
    times: list[float],
    label: np.ndarray | None = None,
    *,
    checksums: dict[str, list[int]] | None = None,
    checkpoint: Path | None = None,
) -> Iterator[TrajectoryWriter]:
    """A writer beside `path`; the store takes its place once finished, or not at all.

    With a checkpoint file the unfinished store stays, to be continued where
    `checksums` of its snapshots are given.
    """
    with atomic_path(path, kept_with=checkpoint) as partial:
        writer = TrajectoryWriter(partial, times, label, checksums)
        try:
            yield writer
        finally:
            writer.close()


class Trajectory:
    """A complete store, read slice by slice.

    time: `(T,)`, time[0] = 0. Raises InputError where the store is absent, foreign or incomplete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.remedy = f"Remove {path} and run `swflow simulate` (or snakemake) again."
        try:
            self.root = zarr.open_group(path, mode="r", zarr_format=3)
            self.attributes: dict[str, Any] = dict(self.root.attrs)
            if not self.attributes.get("complete"):
                raise InputError(f"{path}: the store is not complete. {self.remedy}")
            self.time: np.ndarray = self._array("time")[:]
        except (
            FileNotFoundError,
            NodeNotFoundError,
            GroupNotFoundError,
            ArrayNotFoundError,
            KeyError,
        ) as error:
            raise InputError(f"{path}: no trajectory store ({error}). {self.remedy}") from error

    @classmethod
    def open_all(cls, paths: list[Path]) -> list[Self]:
        """Open several stores of one family, in order of entropy."""
        return sorted((cls(path) for path in paths), key=lambda store: store.entropy)

    @property
    def settings(self) -> dict[str, Any]:
        """The simulation's settings."""
        values: dict[str, Any] = json.loads(self.attributes["settings"])
        return values

    @property
    def entropy(self) -> float:
        """Strength of regularisation ε."""
        return float(self.settings["entropy"])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of particles and dimension."""
        _, n, dim = self._array("particles").shape
        return n, dim

    @cached_property
    def label(self) -> np.ndarray | None:
        """The class of each particle `(n,)`, where the flow was made class by class."""
        values: np.ndarray | None = self._array("label")[:] if "label" in self.root else None
        return values

    def classes(self) -> dict[str, Any]:
        """The classes of the particles and their shares, as `Domain` holds them."""
        if self.label is None:
            return {}
        labels, counts = np.unique(self.label, return_counts=True)
        shares = (counts / counts.sum()).tolist()
        return {"labels": tuple(labels.tolist()), "label_shares": tuple(shares)}

    def particles(self, index: int) -> np.ndarray:
        """The particles `(n, d)` at stored time `index`."""
        return self._slice("particles", index)

    def drift(self, index: int) -> np.ndarray:
        """The drift `(n, d)` at stored time `index`."""
        return self._slice("drift", index)

    def paired(self, index: int) -> np.ndarray:
        """What each source point is mapped to: the twin for entropy > 0, else the particles."""
        return self._slice("twin" if self.entropy > 0 else "particles", index)

    def current(self, index: int) -> np.ndarray:
        """Observations of the current velocity `(n, d)`: for entropy 0 the drift itself."""
        return self._slice("current" if self.entropy > 0 else "drift", index)

    def carried(self, index: int) -> np.ndarray | None:
        """Carried points `(k, d)` at stored time `index`: the same ones in runs of every seed."""
        return self._slice("carried", index) if "carried" in self.root else None

    def repeated(self, index: int) -> np.ndarray | None:
        """Where the points are at stored time `index` that runs of all seeds begin with, `(k, d)`.

        Without entropy those carried along. With it massless points diffuse, since nothing keeps
        their law: there they are twins of the particles that begin at the same points.
        """
        if self.entropy == 0:
            return self.carried(index)
        return self.paired(index)[self.shared_rows] if len(self.shared_rows) else None

    @cached_property
    def shared_rows(self) -> np.ndarray:
        """Row numbers of the particles that runs of all seeds begin with, where ε > 0."""
        return shared_rows(self.shape[0], self.settings["n_carried"])

    @cached_property
    def own_rows(self) -> np.ndarray:
        """Row numbers of all other particles, in random order: unseen by runs of other seeds."""
        return _shuffled_rows(self.shape[0])[len(self.shared_rows) :]

    def index(self, time: float) -> int:
        """The index of a stored time. Raises InputError where it was not stored."""
        found = np.flatnonzero(np.isclose(self.time, time, rtol=1e-6))
        if not len(found):
            raise InputError(
                f"time {time:g} is not stored in {self.path}: stored are "
                f"{', '.join(f'{t:g}' for t in self.time)}."
            )
        return int(found[0])

    def _array(self, name: str) -> Any:
        return self.root[name]

    def _slice(self, name: str, index: int) -> np.ndarray:
        shard = self.path / name / "c" / str(index) / "0" / "0"
        if not shard.is_file():  # Zarr would read zeros
            raise InputError(f"{shard}: this part of the store is missing. {self.remedy}")
        try:
            values: np.ndarray = self._array(name)[index]
        except (ValueError, OSError, RuntimeError) as error:
            raise InputError(
                f"{shard}: this part of the store is broken ({error}). {self.remedy}"
            ) from error
        known = self.attributes.get("checksums", {}).get(name)  # stores of other tools have none
        if known and zlib.crc32(values.data) != known[index]:
            raise InputError(f"{shard}: this part of the store has changed on disk. {self.remedy}")
        return values


def shared_rows(n: int, k: int) -> np.ndarray:
    """Row numbers of the k of n particles (at most half) that runs of all seeds begin with."""
    return _shuffled_rows(n)[: min(k, n // 2)]


def _shuffled_rows(n: int) -> np.ndarray:
    """An order that all runs share. Every k-th evenly spread point would lie on one side."""
    return torch.randperm(n, generator=keyed_generator("rows")).numpy()


def _create_cloud(root: zarr.Group, name: str, times: int, n: int, dim: int) -> Any:
    """Float32 `(times, n, dim)`: chunks of at least 1 MB or a whole slice, a shard a slice."""
    rows = min(n, max(1, -(-MIN_CHUNK_BYTES // (4 * dim))))
    return root.create_array(
        name,
        shape=(times, n, dim),
        dtype="float32",
        chunks=(1, rows, dim),
        shards=(1, -(-n // rows) * rows, dim),  # Zarr wants whole chunks in a shard
        compressors=None,
    )
