"""Trajectories on disk: a Zarr 3 store, one shard for each stored time.

Two checksums: one within each chunk, of what lies on the disk; one of each slice beside the store's
settings, so that a part of another run is not taken for its own.
"""

import hashlib
import json
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec

from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path, bytes_below
from swflow.runtime.memory import refuse_missing

FORMAT = 2
# Reading a chunk costs half a millisecond beside its bytes.
MIN_CHUNK_BYTES = 2**22
CLOUDS = ("particles", "drift", "twin", "tracers", "current")
EVERY = slice(None)


class TrajectoryWriter:
    """Writes snapshots in order, in a thread of its own, to a store that is not yet complete.

    written: how many are there already, of a store that is to be continued. waited_seconds: how
    long the caller was held up by the disk.
    """

    def __init__(
        self, path: Path, times: list[float], label: np.ndarray | None = None, written: int = 0
    ) -> None:
        self.times, self.written = times, written
        self.arrays: dict[str, Any] = {}
        self.sums: dict[tuple[str, int], int] = {}
        self.waited_seconds = 0.0
        self.thread = ThreadPoolExecutor(1)
        self.pending: Future[None] | None = None
        if written:
            for left in path.rglob("*.partial"):  # Zarr's own, of a write that was killed
                left.unlink()
            self.root = zarr.open_group(path, mode="r+", zarr_format=3)
            self.arrays = {name: self.root[name] for name in CLOUDS if name in self.root}
            return
        self.root = zarr.create_group(path, zarr_format=3, overwrite=True)
        self.root.create_array("time", data=np.asarray(times), compressors=None)
        if label is not None:
            self.root.create_array("label", data=label.astype(np.int64), compressors=None)

    def write(self, at: float, clouds: Mapping[str, np.ndarray]) -> None:
        """Append the clouds `(n, d)` of one time. Raises ValueError if it is not the next one."""
        index = self.written
        if index >= len(self.times) or not np.isclose(at, self.times[index]):
            raise ValueError(f"snapshot at time {at} is not stored time {index}.")
        self.flush()  # at most one snapshot is kept waiting in memory
        self.pending = self.thread.submit(self._write, index, clouds)
        self.written += 1

    def flush(self) -> None:
        """Wait until all snapshots are written. Raises what went wrong with them."""
        if self.pending is not None:
            began = time.perf_counter()
            pending, self.pending = self.pending, None
            pending.result()
            self.waited_seconds += time.perf_counter() - began

    def finish(self, attributes: dict[str, Any], decoder: bytes | None = None) -> None:
        """Write the decoder of latents and the attributes, `complete` last.

        Raises ValueError if a time is missing.
        """
        if self.written < len(self.times):
            raise ValueError(f"{self.written} of {len(self.times)} stored times were written.")
        self.flush()
        if decoder is not None:
            packed = np.frombuffer(decoder, np.uint8)
            checked = Crc32cCodec()
            self.root.create_array("decoder", data=packed, compressors=checked, overwrite=True)
        sums = {name: self._sums(name) for name in self.arrays}
        self.root.attrs.update({"format": FORMAT, "sums": sums, **attributes})
        self.root.attrs["complete"] = True

    def close(self) -> None:
        """End the thread, after what it was writing."""
        self.thread.shutdown()

    def _write(self, index: int, clouds: Mapping[str, np.ndarray]) -> None:
        for name, cloud in clouds.items():
            if not np.isfinite(cloud).all():
                raise InputError(
                    f"{name} at τ = {self.times[index]:g} hold values that are not finite: the "
                    "steps or what regularises are too large for these rows; lower them."
                )
            if name not in self.arrays:
                self.arrays[name] = _create_cloud(self.root, name, len(self.times), *cloud.shape)
            values = np.ascontiguousarray(cloud, dtype=np.float32)
            self.arrays[name][index], self.sums[name, index] = values, _sum(values)

    def _sums(self, name: str) -> list[int]:
        """Of each slice; what an interrupted run had written is read again."""
        stored = self.arrays[name]
        return [
            self.sums[name, k] if (name, k) in self.sums else _sum(stored[k])
            for k in range(self.written)
        ]


@contextmanager
def write_trajectory(
    path: Path,
    times: list[float],
    label: np.ndarray | None = None,
    *,
    written: int = 0,
    checkpoint: Path | None = None,
) -> Iterator[TrajectoryWriter]:
    """A writer beside `path`; the store takes its place once finished, or not at all.

    With a checkpoint file the unfinished store stays, to be continued after `written` snapshots.
    """
    with atomic_path(path, kept_with=checkpoint) as partial:
        writer = TrajectoryWriter(partial, times, label, written)
        try:
            yield writer
        finally:
            writer.close()


class TrajectoryStore:
    """A complete store, read slice by slice: `time (T,)`, and clouds `(T, n, d)`.

    Raises InputError where the store is absent, foreign, incomplete or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        self.arrays: dict[str, Any] = {}  # opened once: opening takes as long as reading a chunk
        self.remedy = f"Remove {path} and run `swflow simulate` (or snakemake) again."
        try:
            self.root = zarr.open_group(path, mode="r", zarr_format=3)
            self.attributes: dict[str, Any] = dict(self.root.attrs)
            self._check()
            self.time: np.ndarray = self._whole("time")
            self.label: np.ndarray | None = self._whole("label") if self.has("label") else None
            packed = self._whole("decoder") if self.has("decoder") else None
            self.packed: bytes | None = None if packed is None else packed.tobytes()
            self._check_sums()
            _, n, dim = self._array("particles").shape
        except InputError:
            raise
        except Exception as error:  # Zarr raises unrelated types
            raise InputError(f"{path}: no trajectory store ({error}). {self.remedy}") from error
        self.shape = n, dim
        self.block_rows: int = self._array("particles").chunks[1]

    @property
    def identity(self) -> str:
        """What the run was made of: equal for stores of the same numbers."""
        names = ("settings", "seed", "dataset_digest", "code", "processes")
        made_of = json.dumps([self.attributes.get(name) for name in names])
        return hashlib.sha256(made_of.encode()).hexdigest()[:16]

    def has(self, array: str) -> bool:
        """Whether there is an array of this name."""
        return array in self.root

    def read(self, array: str, index: int, rows: slice = EVERY) -> np.ndarray:
        """Rows `(n, d)` of a cloud at stored time `index`."""
        shard = self.path / array / "c" / str(index) / "0" / "0"
        if not shard.is_file():  # Zarr would read its fill value
            raise InputError(f"{shard}: this part of the store is missing. {self.remedy}")
        try:
            stored = self._array(array)
            n_bytes = stored.nbytes // stored.shape[0]
            where = f"{shard}: this part of the store is broken"
            refuse_missing(n_bytes, shard.stat().st_size, where)
            values: np.ndarray = stored[index, rows]
        except InputError as error:
            raise InputError(f"{error} {self.remedy}") from error
        except Exception as error:  # Zarr raises unrelated types
            raise InputError(
                f"{shard}: this part of the store is broken ({error}). {self.remedy}"
            ) from error
        if rows == EVERY:
            self._check_sum(array, index, _sum(values))
        return values

    def check(self) -> None:
        """Read all, a block at a time. Raises InputError where a slice is not the run's own."""
        for array in filter(self.has, CLOUDS):
            for index in range(len(self.time)):
                found = 0
                for begin in range(0, self._array(array).shape[1], self.block_rows):
                    rows = slice(begin, begin + self.block_rows)
                    found = _sum(self.read(array, index, rows), found)
                self._check_sum(array, index, found)

    def _check_sum(self, array: str, index: int, found: int) -> None:
        sums = self.attributes.get("sums", {}).get(array)
        if sums is not None and sums[index] != found:
            raise InputError(
                f"{self.path / array}: the slice at τ = {self.time[index]:g} is of another run or "
                f"time. {self.remedy}"
            )

    def _whole(self, name: str) -> Any:
        """A small array, of which all that it says is there."""
        stored = self._array(name)
        refuse_missing(stored.nbytes, bytes_below(self.path / name), f"{self.path}, {name}")
        return stored[:]

    def _check(self) -> None:
        if not self.attributes.get("complete"):
            raise InputError(f"{self.path}: the store is not complete. {self.remedy}")
        found = self.attributes.get("format")
        if found != FORMAT:
            raise InputError(
                f"{self.path}: trajectory format {found}, this version reads format {FORMAT}. "
                f"{self.remedy}"
            )

    def _check_sums(self) -> None:
        """One of each slice of each cloud; older stores have none."""
        for array, sums in self.attributes.get("sums", {}).items():
            if not isinstance(sums, list) or len(sums) != len(self.time):
                raise InputError(
                    f"{self.path}: sums of {array} are not one for each of {len(self.time)} times. "
                    f"{self.remedy}"
                )

    def _array(self, name: str) -> Any:
        if name not in self.arrays:
            self.arrays[name] = self.root[name]
        return self.arrays[name]


def _sum(values: np.ndarray, before: int = 0) -> int:
    """A checksum of rows that come after others."""
    return zlib.crc32(np.ascontiguousarray(values).data, before)


def _create_cloud(root: zarr.Group, name: str, times: int, n: int, dim: int) -> Any:
    """Float32 `(times, n, dim)`: chunks of at least 4 MiB or a whole slice, a shard a slice.

    Each chunk has a checksum, so that a flipped byte is not taken for a number.
    """
    rows = min(n, max(1, -(-MIN_CHUNK_BYTES // (4 * dim))))
    return root.create_array(
        name,
        shape=(times, n, dim),
        dtype="float32",
        chunks=(1, rows, dim),
        shards=(1, -(-n // rows) * rows, dim),  # Zarr wants whole chunks in a shard
        compressors=Crc32cCodec(),
        fill_value=float("nan"),  # a chunk that is all fill value is not written
    )
