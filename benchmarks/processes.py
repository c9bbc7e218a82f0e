"""Directions shared by processes: seconds of a step in one and in two, and beyond on paper.

    python benchmarks/processes.py --out results/reference/benchmarks/processes.md

Each run is a `swflow simulate` with one thread a process; a step is what longer runs take more
than short ones. In two processes it is half of one's directions and an exchange of all moves; in P
a P-th and, around a ring, 2(P - 1)/P exchanges, so that a process is worth half of the first at
P = 1 + step/(2 exchanges).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from report import conditions, parser, write
from size import write_dataset
from swflow.store.trajectory import TrajectoryStore

PARTICLES = 10_000
CASES = ((2, 64), (32, 512), (784, 784))  # d, L
NUMBERS = 100_000_000  # projected and sorted in all steps beyond the first


def seconds_of_step(dataset: Path, directions: int, processes: int, folder: Path) -> float:
    """Of the longer run beyond the shorter, by the clocks of their stores."""
    more = max(5, NUMBERS // (PARTICLES * directions))
    found = []
    for steps in (1, 1 + more):
        out = folder / f"{steps}-{processes}.zarr"
        settings = {"n_particles": PARTICLES, "n_directions": directions, "times": [steps]}
        settings |= {"step": 1, "n_tracers": 0, "directions": "orthonormal"}
        words = ["simulate", str(dataset), "--settings", json.dumps(settings), "--out", str(out)]
        words += ["--processes", str(processes)]
        subprocess.run(
            [sys.executable, "-m", "swflow.cli", "--quiet", *words],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=True,
        )
        said = TrajectoryStore(out).attributes
        found.append(said["wall_seconds"] - said["write_seconds"])
    return (found[1] - found[0]) / more


def row(dim: int, directions: int, rounds: int) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = folder / "rows.h5"
        write_dataset(dataset, PARTICLES, dim)
        measured = np.array(
            [
                [seconds_of_step(dataset, directions, n, folder / f"{k}") for n in (1, 2)]
                for k in range(rounds)
            ]
        )
    one, two = np.median(measured, axis=0)
    exchange = max(two - one / 2, 0.0)
    worth = f"{1 + one / (2 * exchange):.0f}" if exchange > 0.01 * one else "> 50"
    return {
        "d": f"{dim}",
        "L": f"{directions:,}",
        "one process, ms": f"{1000 * one:.1f}",
        "two, ms": f"{1000 * two:.1f}",
        "faster": f"{one / two:.2f}",
        "beyond half of its directions, ms": f"{1000 * exchange:.1f}",
        "worth half at": worth,
    }


def main() -> None:
    arguments = parser(__doc__, rounds=3).parse_args()
    rows = []
    for dim, directions in CASES:
        rows.append(row(dim, directions, arguments.rounds))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    said = f"{PARTICLES:,} particles and rows of d numbers, L orthonormal directions a step"
    where = f"{said}, a thread each. {conditions()}"
    write(arguments.out, "# Directions shared by processes", table, where)


if __name__ == "__main__":
    main()
