"""Seconds and memory of every stage over three decades of each size, with the fitted power.

    python benchmarks/scale.py --out results/reference/benchmarks/scale.md

Each run is a command of its own, start of Python included; t = a + c·size^p is fitted to the logs.
`--largest 10` leaves out runs of more than ten times the smallest, to try the script.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from report import conditions, parser, write

FLOW = {"n_particles": 2000, "n_directions": 64, "times": "[1]", "step": 0.1, "n_tracers": 0}
MODEL = {"kind": "flow_map", "network.width": 64, "training.steps": 300}
MODEL |= {"training.batch_size": 256}
SCORE = {"n_draws": 500, "n_large": 500, "n_classifier": 100, "n_redraws": 2, "n_exact": 100}
ROWS, DIM = 2000, 32
SLOWER = 2  # the largest than the smallest, at least, for a power to be fitted


@dataclass(frozen=True)
class Axis:
    """A stage over one size: the settings that follow it, and how much of it there is."""

    stage: str
    over: str
    sizes: tuple[int, ...]
    follows: tuple[str, ...] = ()
    fixed: dict[str, object] = field(default_factory=dict)


def decades(smallest: int) -> tuple[int, ...]:
    return tuple(smallest * 10**k for k in range(4))


AXES = (
    Axis("prepare", "rows", decades(1000)),
    Axis("simulate", "particles", decades(1000), ("n_particles",)),
    Axis("simulate", "rows", decades(1000)),
    # Steps that are stable along 64 directions of 4,000, of enough particles to take a while.
    Axis(
        *("simulate", "numbers of a row", decades(4)),
        fixed={"step": 0.025, "n_particles": 10_000},
    ),
    Axis("simulate", "directions", decades(64), ("n_directions",)),
    Axis("simulate", "steps", decades(10), fixed={"n_particles": 500, "n_directions": 32}),
    Axis("train", "steps", decades(30), ("training.steps",)),
    Axis("train", "pairs a step", decades(64), ("training.batch_size",)),
    Axis("sample", "samples", decades(1000)),
    Axis("score", "samples", decades(200), ("n_draws", "n_large")),
)


class Case:
    """One run: its inputs are made first, and not timed."""

    def __init__(self, axis: Axis, size: int, folder: Path) -> None:
        self.axis, self.size, self.folder = axis, size, folder

    def run(self) -> tuple[float, float]:
        """Seconds, and MiB at most."""
        rows = self.size if self.axis.over == "rows" else ROWS
        dim = self.size if self.axis.over == "numbers of a row" else DIM
        array = self.folder / "rows.npy"
        drawn = np.random.default_rng(0).standard_normal((2 * rows, dim), dtype=np.float32)
        np.save(array, drawn)
        dataset, store = str(self.folder / "rows.h5"), str(self.folder / "flow.zarr")
        model, samples = str(self.folder / "model"), str(self.folder / "samples.h5")
        n = self.size if self.axis.over == "samples" else 1000
        n = max(n, 1000) if self.axis.stage == "score" else n
        against = ["--samples", samples, "--source", model, "--reference", store]
        commands = {
            "prepare": [*self._set({"kind": "array", "path": array}), "--out", dataset],
            "simulate": [dataset, *self._set(FLOW | self._steps()), "--out", store],
            "train": [store, "--dataset", dataset, *self._set(MODEL), "--out", model],
            "sample": [model, "--time", "1", "-n", str(n), "--out", samples],
            "score": [
                *("fidelity", "generation", *against, "--dataset", dataset),
                *(*self._set(SCORE), "--out", str(self.folder / "scores")),
            ],
        }
        for stage, words in commands.items():
            spent = timed([stage, *words])
            if stage == self.axis.stage:
                return spent
        raise AssertionError

    def _steps(self) -> dict[str, object]:
        return {"step": 1 / self.size} if self.axis.over == "steps" else {}

    def _set(self, settings: dict[str, object]) -> list[str]:
        chosen = settings | {k: v for k, v in self.axis.fixed.items() if k in settings}
        chosen |= {name: self.size for name in self.axis.follows if name in settings}
        return [word for name, value in chosen.items() for word in ("--set", f"{name}={value}")]


# The command line, which says its peak at its end: what a parent is told of a child
# (`wait4`) begins with the parent's own memory.
RUN = """
import atexit, sys
from swflow.cli.app import main
from swflow.runtime.provenance import peak_memory

atexit.register(lambda: print(peak_memory() / 2**20, file=sys.stderr))
main()
"""


def timed(words: list[str]) -> tuple[float, float]:
    """Seconds and MiB of a command of swflow."""
    began = time.perf_counter()
    command = [sys.executable, "-c", RUN, "--quiet", *words]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"swflow {' '.join(words)} ended with {ended.returncode}: {ended.stderr}")
    return time.perf_counter() - began, float(ended.stderr.split()[-1])


def power(sizes: list[int], seconds: list[float]) -> tuple[float, float]:
    """Of t = a + c·size^p, fitted to log t: a and p; of what hardly grows there is none."""
    x, y = np.log(np.array(sizes) / sizes[-1]), np.array(seconds)

    def off(of: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(np.exp(of[0]) + np.exp(of[1] + of[2] * x)) - np.log(y))

    if seconds[-1] < SLOWER * seconds[0]:
        return float("nan"), float("nan")
    found = least_squares(off, [np.log(y[0]), np.log(y[-1]), 1.0]).x
    return float(np.exp(found[0])), float(found[2])


def main() -> None:
    arguments = parser(__doc__, largest=1000).parse_args()
    rows = []
    for axis in AXES:
        sizes = [n for n in axis.sizes if n <= arguments.largest * axis.sizes[0]]
        found = []
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                found.append(Case(axis, size, Path(folder)).run())
            print(axis.stage, axis.over, size, *found[-1], flush=True)
        seconds, memory = zip(*found, strict=True)
        start, of = power(sizes, list(seconds))
        rows.append(
            {
                "stage": axis.stage,
                "over": axis.over,
                "sizes": f"{sizes[0]:,} to {sizes[-1]:,}",
                "seconds": " ".join(f"{s:.1f}" for s in seconds),
                "of which to begin": f"{start:.1f}" if start == start else "–",
                "power": f"{of:.2f}" if of == of else "–",
                "memory, MiB": " ".join(f"{m:.0f}" for m in memory),
            }
        )
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    base = f"{ROWS:,} rows of {DIM} numbers, and as settings {FLOW}, {MODEL}, {SCORE}."
    write(arguments.out, "# Every stage over three decades", table, base, conditions())


if __name__ == "__main__":
    main()
