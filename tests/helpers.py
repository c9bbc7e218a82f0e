"""What several tests need: clouds, a flow run to its end, a changed model folder, waiting."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from swflow import FlowSettings, Snapshot, simulate
from swflow.models.base import DESCRIPTION, WEIGHTS, _checksum


def normal(n: int, dim: int, seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Draw `(n, dim)` standard normal numbers."""
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def run(
    source: torch.Tensor, target: torch.Tensor, seed: int = 1, **settings: object
) -> list[Snapshot]:
    """Every stored time of a flow."""
    generator = torch.Generator().manual_seed(seed)
    return list(simulate(source, target, FlowSettings(**settings), generator=generator))


def rewrite_model(folder: Path, **changes: object) -> None:
    """Change a model's description, and make its checksum fit what now lies in the folder."""
    path = folder / DESCRIPTION
    description = json.loads(path.read_text()) | changes
    description.pop("checksum")
    description["checksum"] = _checksum(description, (folder / WEIGHTS).read_bytes())
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
