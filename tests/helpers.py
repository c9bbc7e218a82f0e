"""What several tests need: clouds, a flow run to its end, commands, a changed model, waiting."""

import json
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from scipy.integrate import solve_ivp
from typer.testing import CliRunner

from swflow import FlowSettings, Snapshot, simulate
from swflow.cli.app import app
from swflow.flow.trajectory import Trajectory
from swflow.metrics.subject import Measure
from swflow.models.source_model import SourceModel
from swflow.stages.loading import open_runs
from swflow.store.model import DESCRIPTION, WEIGHTS, checksum

TINY_FLOW = {"horizon": 2, "n_times": 7, "step": 0.25, "n_directions": 32, "n_particles": 1000}

# Of images of 120 numbers in two classes, along local directions.
TINY_PIXELS = {
    **{"horizon": 4, "n_times": 4, "step": 0.5, "n_directions": 120, "n_particles": 200},
    **{"labels": True, "directions": "local"},
}


def normal(n: int, dim: int, seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Draw `(n, dim)` standard normal numbers."""
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def run(
    source: torch.Tensor, target: torch.Tensor, seed: int = 1, **settings: object
) -> list[Snapshot]:
    """Every stored time of a flow."""
    generator = torch.Generator().manual_seed(seed)
    return list(simulate(source, target, FlowSettings(**settings), generator=generator))


def relaxed(entropy: float, spread: float, times: list[float]) -> tuple[list[float], list[float]]:
    """FACTS 4 and 8: s' = 1 − s + ε/s from `spread`, and Φ' = (1/s − 1)Φ from 1, at times."""
    solution = solve_ivp(
        lambda _, y: [1 - y[0] + entropy / y[0], (1 / y[0] - 1) * y[1]],
        (0, max(times)),
        [spread, 1.0],
        t_eval=times,
        rtol=1e-9,
        atol=1e-11,
    )
    return solution.y[0].tolist(), solution.y[1].tolist()


def run_of(path: Path) -> Trajectory:
    """The run that a store holds."""
    (found,) = open_runs([path])
    return found


def unexplained(model: SourceModel, run: Trajectory) -> float:
    """Part of the variance of a run's end that a model of its classes leaves."""
    x0, goal = (torch.from_numpy(run.paired(k)) for k in (0, len(run.time) - 1))
    found = model.transport(x0, label=torch.from_numpy(run.label))
    return float((found - goal).square().sum() / (goal - goal.mean(0)).square().sum())


def arrays(run: Trajectory) -> dict[str, Any]:
    """Every array of a run's store, whole, by name.

    By their folders: Zarr, asked for its arrays, warns of the file in which Snakemake keeps a time.
    """
    names = sorted(path.parent.name for path in run.store.path.glob("*/zarr.json"))
    return {name: run.store.root[name][:] for name in names}


def values(measures: Iterable[Measure]) -> dict[str, float]:
    """Values by the name of their metric."""
    return {of.metric: of.value for of in measures}


def invoke(*arguments: object) -> None:
    """A command in this process: what a user can mend comes out as InputError."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=True)
    if result.exception:
        raise result.exception


def rewrite_model(folder: Path, **changes: object) -> None:
    """Change a model's description, and make its checksum fit what now lies in the folder."""
    path = folder / DESCRIPTION
    description = json.loads(path.read_text()) | changes
    description.pop("checksum")
    description["checksum"] = checksum(description, (folder / WEIGHTS).read_bytes())
    path.write_text(json.dumps(description))


def wait_until(
    done: Callable[[], bool],
    process: "subprocess.Popen[Any]",
    said: Callable[[], str] = str,
    seconds: float = 400,
) -> None:
    """Until what a process is at work on is done.

    Raises AssertionError, with what it said, if it ends before or takes too long.
    """
    end = time.monotonic() + seconds
    while not done():
        assert process.poll() is None, f"ended with {process.returncode} before\n{said()}"
        assert time.monotonic() < end, f"not done in {seconds} s\n{said()}"
        time.sleep(0.01)
