"""Interrupted simulations go on from their checkpoint, to the same bytes."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch

from swflow.flow import run
from swflow.flow.target import StoredRows, fresh_subset
from swflow.flow.trajectory import Trajectory
from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset
from swflow.runtime.checkpoint import Checkpoint
from swflow.runtime.errors import InputError
from swflow.settings import SimulationSettings
from swflow.stages.simulate import simulate_dataset
from swflow.store.dataset import read_dataset
from tests.helpers import arrays, run_of

N_KILLS = int(os.environ.get("SWFLOW_KILLS", "10"))  # more by `make stress`
STEP = 0.4 / max(10, N_KILLS)  # every life takes a few steps
FLOW = {"horizon": 12, "n_times": 6, "step": STEP, "n_directions": 16, "n_particles": 600}


def simulated(dataset_path: Path, out: Path, seconds: float = 0.0, **change: object) -> Trajectory:
    settings = SimulationSettings(**{**FLOW, **change})
    streamed = settings.target_batch is not None
    dataset = read_dataset(dataset_path, streamed=streamed)
    simulate_dataset(dataset, settings, 0, out, "cpu", checkpoint_seconds=seconds)
    return run_of(out)


def _child(dataset_path: Path, out: Path, entropy: float) -> None:
    torch.set_num_threads(1)
    simulated(dataset_path, out, entropy=entropy)


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Processes that begin with torch imported, forked from one that has no threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["swflow.stages.simulate", "swflow.sliced.radix"])
    return context


def same(first: Trajectory, second: Trajectory) -> None:
    assert first.store.identity == second.store.identity
    one, other = arrays(first), arrays(second)
    assert set(one) == set(other)
    for name in one:
        assert one[name].tobytes() == other[name].tobytes()
    for name in ("sw_train", "sw_heldout", "floor_train", "floor_heldout"):
        assert first.attributes[name] == second.attributes[name]


@pytest.mark.parametrize("entropy", [0.0, 0.1])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(
    entropy: float,
    dataset_path: Path,
    tmp_path: Path,
    processes: multiprocessing.context.ForkServerContext,
) -> None:
    whole = simulated(dataset_path, tmp_path / "whole.zarr", 60, entropy=entropy)
    out, rng, kills = tmp_path / "killed.zarr", random.Random(1), 0
    checkpoint = Checkpoint(out, {}).path
    while kills < N_KILLS:
        child = processes.Process(target=_child, args=(dataset_path, out, entropy))
        child.start()
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        # One in ten dies as it begins, the others a few steps after they went on.
        while kills % 10 != 4 and child.is_alive():
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != before:
                break
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == -signal.SIGKILL, "it ended before it was killed"
        assert not out.exists()
        kills += 1
    assert checkpoint.exists()
    same(simulated(dataset_path, out, entropy=entropy), whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["killed.zarr", "whole.zarr"]
    files = [
        sorted(str(p.relative_to(root)) for p in root.rglob("*"))
        for root in (out, tmp_path / "whole.zarr")
    ]
    assert files[0] == files[1]
    print(f"simulate, ε = {entropy:g}: {kills} kills, whole, of the same bytes")


def interrupted(dataset_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint left behind by an error after 100 steps."""
    calls = []

    def fail(self: Checkpoint, *given: object) -> None:
        written(self, *given)
        calls.append(given)
        if len(calls) == 100:
            raise KeyboardInterrupt

    written = Checkpoint.write
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", fail)
        with pytest.raises(KeyboardInterrupt):
            simulated(dataset_path, out)
    return Checkpoint(out, {}).path


def test_a_checkpoint_of_other_settings_is_refused_and_kept(
    dataset_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.zarr"
    path = interrupted(dataset_path, out, monkeypatch)
    kept = path.read_bytes()
    with pytest.raises(InputError, match=r"with other settings left this.* remove .*checkpoint"):
        simulated(dataset_path, out, n_particles=500)
    assert path.read_bytes() == kept
    same(simulated(dataset_path, out), simulated(dataset_path, tmp_path / "b.zarr"))


def test_a_broken_checkpoint_is_refused_and_kept(
    dataset_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.zarr"
    path = interrupted(dataset_path, out, monkeypatch)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        simulated(dataset_path, out)
    assert path.exists()


def test_a_checkpoint_whose_store_is_gone_goes_with_no_other(
    dataset_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted, without its store, and interrupted again before the next checkpoint."""
    out = tmp_path / "a.zarr"
    path = interrupted(dataset_path, out, monkeypatch)
    shutil.rmtree(Checkpoint(out, {}).partial)
    assert Checkpoint(out, json.loads(_identity_of(path))).read("cpu") is None
    assert not path.exists()


def _identity_of(path: Path) -> str:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return str(file.metadata()["identity"])


def test_without_its_partial_store_a_checkpoint_begins_anew(
    dataset_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between the renaming of the store and the removal of the checkpoint."""
    out = tmp_path / "a.zarr"
    interrupted(dataset_path, out, monkeypatch)
    shutil.rmtree(Checkpoint(out, {}).partial)
    (tmp_path / "a.zarr.checkpoint.partial").mkdir()
    (tmp_path / "a.zarr.checkpoint.partial" / ".tmp1").write_bytes(b"half a checkpoint")
    same(simulated(dataset_path, out, 60), simulated(dataset_path, tmp_path / "b.zarr"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]


def test_a_full_disk_loses_nothing(
    dataset_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.zarr"
    calls = []

    def full(self: Checkpoint, *given: object) -> None:
        calls.append(given)
        if len(calls) == 50:
            raise OSError(28, "No space left on device")
        written(self, *given)

    written = Checkpoint.write
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", full)
        with pytest.raises(InputError, match=r"No space left on device.*from the checkpoint"):
            simulated(dataset_path, out)
    same(simulated(dataset_path, out), simulated(dataset_path, tmp_path / "b.zarr"))


def test_too_little_disk_is_said_before_anything_is_written(
    dataset_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"the trajectory needs .* GB, .* has .* GB free"):
        simulated(dataset_path, tmp_path / "a.zarr", n_particles=10**12)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "flip", "missing"])
def test_a_broken_shard_is_named(dataset_path: Path, tmp_path: Path, damage: str) -> None:
    simulated(dataset_path, tmp_path / "a.zarr", 60)
    shard = tmp_path / "a.zarr" / "particles" / "c" / "3" / "0" / "0"
    content = bytearray(shard.read_bytes())
    if damage == "missing":
        shard.unlink()
    else:
        content[100] ^= 1
        shard.write_bytes(content if damage == "flip" else content[:1000])
    store = run_of(tmp_path / "a.zarr")
    store.particles(2)
    with pytest.raises(InputError, match=r"particles/c/3/0/0: this part .*Remove .* and run"):
        store.particles(3)


def test_a_target_is_streamed_in_subsets_to_the_same_bytes(
    dataset_path: Path, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read from the file or held in memory: the same subset of rows, another at each step."""
    monkeypatch.setattr(run, "HELD_BYTES", 0)
    stored = StoredRows(read_dataset(dataset_path, streamed=True).splits["train"].x, "cpu")
    memory = torch.from_numpy(dataset.rows("train"))
    assert stored.shape == memory.shape
    first, second = (
        [fresh_subset(rows, 70, keyed_generator("x", step)) for step in range(9)]
        for rows in (stored, memory)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, first[0]) for a in first)
    assert len(first[0].unique(dim=0)) == 70  # without replacement
    batch = simulated(dataset_path, tmp_path / "a.zarr", 60, target_batch=70)
    settings = SimulationSettings(**FLOW, target_batch=70)
    simulate_dataset(dataset, settings, 0, tmp_path / "b.zarr", "cpu")
    same(batch, run_of(tmp_path / "b.zarr"))


def test_a_batch_larger_than_the_target_is_refused(dataset_path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="target_batch = 1000, but the target has 150 rows"):
        simulated(dataset_path, tmp_path / "a.zarr", target_batch=1000)


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="quantiles of one batch"):
        SimulationSettings(**{**FLOW, "transport": "sketch", "target_batch": 50})


def test_notes_of_a_checkpoint_are_plain(
    dataset_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON inside safetensors: loading a stranger's checkpoint runs no code."""
    from safetensors import safe_open

    path = interrupted(dataset_path, tmp_path / "a.zarr", monkeypatch)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        assert sorted(file.keys()) == ["particles", "tracers"]
    assert json.loads(metadata["notes"])["step"] == 100
    of = {"settings", "seed", "data", "device", "processes", "code"}
    assert set(json.loads(metadata["identity"])) == of
