"""Trajectory stores: round trip, layout, and no half-written store taken for a whole one."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from zarr.codecs import Crc32cCodec

from swflow.flow.integrator import Snapshot
from swflow.runtime.errors import InputError
from swflow.store.trajectory import CLOUDS, TrajectoryStore, write_trajectory
from tests.helpers import run_of

SETTINGS = '{"entropy": 0.5, "horizon": 2}'


def snapshots(n: int = 40, dim: int = 3, twin: bool = True) -> list[Snapshot]:
    rng = np.random.default_rng(0)

    def cloud() -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=(n, dim)).astype(np.float32))

    return [Snapshot(t, cloud(), cloud(), cloud() if twin else None) for t in (0.0, 0.5, 2.0)]


def clouds(snapshot: Snapshot) -> dict[str, np.ndarray]:
    found = {name: getattr(snapshot, name) for name in CLOUDS}
    return {name: cloud.numpy() for name, cloud in found.items() if cloud is not None}


def write(path: Path, given: list[Snapshot], label: np.ndarray | None = None) -> None:
    with write_trajectory(path, [s.time for s in given], label) as writer:
        for snapshot in given:
            writer.write(snapshot.time, clouds(snapshot))
        writer.finish({"settings": SETTINGS})


def test_round_trip(tmp_path: Path) -> None:
    given, label = snapshots(), np.arange(40)
    write(tmp_path / "a.zarr", given, label)
    store = run_of(tmp_path / "a.zarr")
    assert store.time.tolist() == [0.0, 0.5, 2.0]
    assert store.shape == (40, 3)
    assert store.entropy == 0.5
    for index, snapshot in enumerate(given):
        assert snapshot.twin is not None
        np.testing.assert_array_equal(store.particles(index), snapshot.particles)
        np.testing.assert_array_equal(store.drift(index), snapshot.drift)
        np.testing.assert_array_equal(store.paired(index), snapshot.twin)
    np.testing.assert_array_equal(store.label, label)
    assert not (tmp_path / "a.zarr.partial").exists()


def test_layout_is_what_readers_were_promised(tmp_path: Path) -> None:
    """Zarr 3, float32, uncompressed; chunks of at least 1 MB or a whole slice; a shard a slice."""
    write(tmp_path / "a.zarr", snapshots(n=9000, dim=64, twin=False))
    array = zarr.open_group(tmp_path / "a.zarr", mode="r")["particles"]
    assert isinstance(array, zarr.Array)
    assert array.metadata.zarr_format == 3
    assert array.dtype == np.float32
    assert array.shape == (3, 9000, 64)
    assert [type(codec) for codec in array.compressors] == [Crc32cCodec]  # a checksum alone
    assert 4 * np.prod(array.chunks) >= 2**20
    assert array.shards is not None
    assert array.shards[1] % array.chunks[1] == 0
    assert array.shards[1] >= 9000
    assert array.shards[0] == 1


def test_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    given = snapshots()

    def stop_midway() -> None:
        with write_trajectory(tmp_path / "a.zarr", [s.time for s in given]) as writer:
            writer.write(given[0].time, clouds(given[0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_midway()
    assert list(tmp_path.iterdir()) == []


def test_killed_writer_leaves_only_a_partial_store_that_the_next_one_replaces(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.zarr.partial" / "particles").mkdir(parents=True)
    (tmp_path / "a.zarr.partial" / "particles" / "junk").write_text("half")
    with pytest.raises(InputError, match="no trajectory store"):
        TrajectoryStore(tmp_path / "a.zarr")
    write(tmp_path / "a.zarr", snapshots())
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    assert not (tmp_path / "a.zarr" / "particles" / "junk").exists()


def test_missing_time_is_not_finished(tmp_path: Path) -> None:
    given = snapshots()

    def leave_one_out() -> None:
        with write_trajectory(tmp_path / "a.zarr", [0.0, 0.5, 2.0]) as writer:
            writer.write(given[0].time, clouds(given[0]))
            writer.finish({})

    with pytest.raises(ValueError, match="1 of 3 stored times"):
        leave_one_out()
    assert not (tmp_path / "a.zarr").exists()


def test_wrong_order_is_refused(tmp_path: Path) -> None:
    given = snapshots()

    def skip_one() -> None:
        with write_trajectory(tmp_path / "a.zarr", [0.0, 0.5, 2.0]) as writer:
            writer.write(given[1].time, clouds(given[1]))

    with pytest.raises(ValueError, match="is not stored time 0"):
        skip_one()


def test_incomplete_store_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", snapshots())
    zarr.open_group(tmp_path / "a.zarr", mode="r+").attrs["complete"] = False
    with pytest.raises(InputError, match=r"not complete. Remove .* and run"):
        TrajectoryStore(tmp_path / "a.zarr")


@pytest.mark.parametrize("part", ["particles/c/1", "particles"])
def test_a_part_of_another_run_or_time_is_not_taken_for_its_own(part: str, tmp_path: Path) -> None:
    for name, shift in (("a", 0), ("b", 1)):
        moved = [replace(s, particles=s.particles + shift) for s in snapshots()]
        write(tmp_path / f"{name}.zarr", moved)
    store = TrajectoryStore(tmp_path / "a.zarr")
    store.check()
    shutil.rmtree(tmp_path / "a.zarr" / part)
    shutil.copytree(tmp_path / "b.zarr" / part, tmp_path / "a.zarr" / part)
    swapped = TrajectoryStore(tmp_path / "a.zarr")
    message = r"the slice at τ = .* is of another run or time\. Remove"
    with pytest.raises(InputError, match=message):
        swapped.read("particles", 1)
    with pytest.raises(InputError, match=message):
        swapped.check()


def test_a_store_that_is_gone_on_with_knows_all_its_slices(tmp_path: Path) -> None:
    given, path, checkpoint = snapshots(), tmp_path / "a.zarr", tmp_path / "a.zarr.checkpoint"
    times = [s.time for s in given]
    checkpoint.touch()
    with write_trajectory(path, times, checkpoint=checkpoint) as writer:
        writer.write(times[0], clouds(given[0]))
        writer.flush()
        shutil.copytree(tmp_path / "a.zarr.partial", tmp_path / "kept")
        for snapshot in given[1:]:
            writer.write(snapshot.time, clouds(snapshot))
        writer.finish({})
    path.rename(tmp_path / "whole.zarr")
    (tmp_path / "kept").rename(tmp_path / "a.zarr.partial")
    with write_trajectory(path, times, written=1, checkpoint=checkpoint) as writer:
        for snapshot in given[1:]:
            writer.write(snapshot.time, clouds(snapshot))
        writer.finish({})
    whole, again = TrajectoryStore(tmp_path / "whole.zarr"), TrajectoryStore(path)
    again.check()
    assert again.attributes == whole.attributes


def test_time_that_was_not_stored_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", snapshots())
    with pytest.raises(InputError, match=r"time 3 is not stored .* stored are 0, 0.5, 2"):
        run_of(tmp_path / "a.zarr").index(3)


def test_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "file" / "a.zarr", snapshots())


def test_a_store_of_a_former_version_is_named_with_what_to_remove(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", snapshots())
    attributes = zarr.open_group(tmp_path / "a.zarr", mode="r+").attrs
    del attributes["format"]
    with pytest.raises(InputError, match=r"format None, this version reads format 2. Remove"):
        TrajectoryStore(tmp_path / "a.zarr")


def test_a_zero_cloud_is_stored_like_any_other(tmp_path: Path) -> None:
    """Zarr leaves out chunks that hold nothing but the fill value."""
    zeros = torch.zeros(40, 3)
    write(tmp_path / "a.zarr", [Snapshot(t, zeros, zeros) for t in (0.0, 1.0)])
    np.testing.assert_array_equal(run_of(tmp_path / "a.zarr").particles(1), zeros)


def test_rows_are_read_alone(tmp_path: Path) -> None:
    given = snapshots(n=9000, dim=256, twin=False)
    write(tmp_path / "a.zarr", given)
    store = TrajectoryStore(tmp_path / "a.zarr")
    assert store.block_rows == 4096  # of 1 KiB each
    rows = slice(4000, 4200)
    np.testing.assert_array_equal(store.read("drift", 1, rows), given[1].drift[rows])


def test_settings_that_another_version_wrote_are_named_with_the_store(tmp_path: Path) -> None:
    with write_trajectory(tmp_path / "run.zarr", [0.0]) as writer:
        writer.write(0.0, clouds(snapshots()[0]))
        writer.finish({"settings": '{"entropy": 0.5, "horizon": 2, "twin_rate": 15.0}'})
    with pytest.raises(InputError, match=r"run\.zarr, perhaps of another version.*twin_rate"):
        run_of(tmp_path / "run.zarr")
