"""Several processes share the directions of one flow: the same flow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from swflow import FlowSettings, simulate
from swflow.flow.group import ALONE, Group
from swflow.sliced.directions.dense import as_directions
from tests.helpers import arrays, run_of

# Between samples of smooth laws: where particles lie apart, rounding reorders none of them.
SETTINGS = '{"horizon": 3, "n_times": 4, "step": 0.25, "n_directions": 30, "n_particles": 300}'


def command(dataset: Path, out: Path, *settings: str) -> list[str]:
    changes = [part for setting in settings for part in ("--set", setting)]
    return [
        "-m",
        "swflow.cli",
        "simulate",
        str(dataset),
        "--settings",
        SETTINGS,
        *changes,
        "--out",
        str(out),
    ]


def run(arguments: list[str]) -> None:
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        timeout=300,
    )


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("change", "started"),
    [
        ((), []),
        (
            ("entropy=0.1", "target_batch=128"),  # as users of clusters start processes
            ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"],
        ),
    ],
)
def test_two_processes_give_the_flow_of_one(
    change: tuple[str, ...], started: list[str], dataset_path: Path, tmp_path: Path
) -> None:
    run(command(dataset_path, tmp_path / "one.zarr", *change))
    asked = command(dataset_path, tmp_path / "two.zarr", *change)
    run([*started, *asked] if started else [*asked, "--processes", "2"])
    one, two = run_of(tmp_path / "one.zarr"), run_of(tmp_path / "two.zarr")
    assert two.attributes["processes"] == 2
    for name, array in arrays(one).items():
        np.testing.assert_allclose(arrays(two)[name], array, rtol=0, atol=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.zarr", "two.zarr"]


def test_shares_of_directions_are_all_of_them() -> None:
    thetas = as_directions(torch.arange(7.0)[:, None])
    shares = [Group(rank, 3).share(thetas) for rank in range(3)]
    assert sorted(torch.cat([share.rows for share in shares])[:, 0].tolist()) == list(range(7))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert torch.equal(ALONE.share(thetas).rows, thetas.rows)
    assert ALONE.agree(True)


def test_more_processes_than_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="9 processes share n_directions = 8, in 8 parts"):
        simulate(
            torch.zeros(3, 2),
            torch.ones(3, 2),
            FlowSettings(times=[1], n_directions=8),
            generator=torch.Generator(),
            group=Group(0, 9),
        )


@pytest.mark.workflow
def test_an_error_of_one_process_ends_all(dataset_path: Path, tmp_path: Path) -> None:
    asked = command(dataset_path, tmp_path / "two.zarr", "n_directions=1")
    ended = subprocess.run(
        [sys.executable, *asked, "--processes", "2"], capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 1
    assert "2 processes share n_directions = 1" in ended.stderr
    assert "swflow: error: one of 2 processes failed" in ended.stderr
    assert list(tmp_path.iterdir()) == []
