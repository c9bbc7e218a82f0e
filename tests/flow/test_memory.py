"""What a simulation takes: near what it took; what does not fit is refused before it begins."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from swflow.flow.memory import (
    BLOCK_NUMBERS,
    LEAST_PART,
    WHOLE_FROM,
    check_memory,
    simulation_bytes,
)
from swflow.representation.dataset import Dataset, Sizes
from swflow.runtime import memory
from swflow.runtime.errors import InputError
from swflow.settings import SimulationSettings
from swflow.sliced.directions.dense import BLOCK_ELEMENTS
from swflow.sliced.directions.local import FAST_FROM
from swflow.stages.simulate import simulate_dataset
from swflow.store.trajectory import TrajectoryStore
from tests.helpers import TINY_FLOW

GB = 10**9
SIZES = Sizes(train=60_000, others=10_000, dim=784)


def settings(n: int, **changed: object) -> SimulationSettings:
    return SimulationSettings(n_particles=n, horizon=160, n_directions=784, **changed)


def test_blocks_are_those_of_directions() -> None:
    assert BLOCK_ELEMENTS["cpu"] == BLOCK_NUMBERS
    assert FAST_FROM == WHOLE_FROM


@pytest.mark.parametrize("twin", ["with_entropy", "always"])
def test_what_particles_add_is_near_what_they_took(tmp_path: Path, twin: str) -> None:
    dim, few, many = 512, 5_000, 40_000
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(1000, dim)))
    made = {"kind": "array", "path": str(tmp_path / "rows.npy")}
    run("prepare", "--settings", json.dumps(made), "--out", str(tmp_path / "rows.h5"))
    flow = {"times": [0.1, 0.2], "step": 0.1, "n_directions": 32, "twin": twin}
    took, said = [], []
    for n in (few, many):
        out = tmp_path / f"{n}.zarr"
        text = json.dumps(flow | {"n_particles": n})
        run("simulate", str(tmp_path / "rows.h5"), "--settings", text, "--out", str(out))
        took.append(TrajectoryStore(out).attributes["peak_memory_bytes"])
        rows = Sizes(train=600, others=400, dim=dim)
        said.append(simulation_bytes(SimulationSettings(**flow, n_particles=n), rows))
    # Less is held at once where a step takes longer than to write a snapshot.
    part = (took[1] - took[0]) / (said[1] - said[0])
    assert 0.8 * LEAST_PART < part < 1.25


def run(*command: str) -> None:
    subprocess.run([sys.executable, "-m", "swflow.cli", *command], check=True, capture_output=True)


def test_twins_noise_and_rows_take_memory() -> None:
    plain = simulation_bytes(settings(20_000), SIZES)
    assert simulation_bytes(settings(20_000, twin="always"), SIZES) > plain
    assert simulation_bytes(settings(20_000, entropy=0.01), SIZES) > 1.4 * plain
    many = SIZES._replace(train=10**6)
    assert simulation_bytes(settings(20_000), many) > plain + 4 * 784 * 900_000
    assert simulation_bytes(settings(20_000, target_batch=20_000), many) < plain + 10**9
    rows = 4 * 784 * SIZES.train
    assert simulation_bytes(settings(20_000, labels=True), SIZES) > plain + rows
    smoothed = settings(20_000, regularisers=[{"kind": "smoothing", "width": 0.1}])
    assert simulation_bytes(smoothed, SIZES) >= plain + 2 * rows
    assert simulation_bytes(settings(20_000, n_tracers=10**5), SIZES) > plain + 4 * 784 * 10**5
    wide = SIZES._replace(dim=3072)
    dense, whole = (
        simulation_bytes(
            SimulationSettings(n_particles=20_000, horizon=9, n_directions=3072, **of), wide
        )
        for of in ({}, {"directions": "structured"})
    )
    assert whole > dense + 4 * 3072 * 80_000


def test_what_does_not_fit_is_refused_with_what_would() -> None:
    with pytest.raises(InputError) as refused:
        check_memory(settings(10**6), SIZES, 4 * GB)
    assert re.search(r"1000000 particles of 784 .* take at least [\d.]+ GB", str(refused.value))
    assert "there are 4.0 GB: use n_particles of at most" in str(refused.value)
    most = int(re.search(r"at most (\d+)", str(refused.value))[1])
    check_memory(settings(most), SIZES, 4 * GB)
    with pytest.raises(InputError):
        check_memory(settings(most + most // 50), SIZES, 4 * GB)
    with pytest.raises(InputError, match=r"use target_batch, .* or a larger machine"):
        check_memory(settings(10), SIZES._replace(train=10**7), 4 * GB)


def test_the_stage_refuses_before_it_writes(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swflow.stages.simulate.memory_bytes", lambda: 10**8)
    with pytest.raises(InputError, match=r"take at least 0\.\d GB of memory; there are 0\.1 GB"):
        simulate_dataset(dataset, SimulationSettings(**TINY_FLOW), 0, tmp_path / "a.zarr", "cpu")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("0::/job/step", "job/memory.max"),  # of the second version, of a group above
        ("4:cpu,memory:/job", "memory/job/memory.limit_in_bytes"),
        ("0::/elsewhere", "memory.max"),  # a container sees its own group as the root
    ],
)
def test_memory_is_what_a_job_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, file: str
) -> None:
    machine = memory.memory_bytes()
    (tmp_path / "own").write_text(f"2:cpuset:/\n{line}\n")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("123456\n")
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", tmp_path)
    assert memory.memory_bytes() == 123456
    (tmp_path / file).write_text("max\n")
    assert memory.memory_bytes() >= machine
