"""Which bytes agree between runs of the same command, and by how much the others differ.

    python benchmarks/determinism.py --out results/reference/benchmarks/determinism.md

Each stage is run on the same inputs: again, with one thread instead of two, in two processes, and
with directions sorted in blocks of another size. The digests are of the products of the first run:
of another machine they agree or they do not.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from report import conditions, parser, write
from swflow.stages.loading import open_runs
from swflow.store.scores import read_scores

FLOW = ["horizon=20", "n_times=6", "step=.2", "n_particles=4096", "n_directions=128", "labels=true"]
MODEL = ["kind=flow_map", "training.steps=300"]
SIZES = ["n_draws=1000", "n_large=4000", "n_classifier=500", "n_redraws=4", "n_exact=300"]
GROUPS = ["fidelity", "generation", "memorisation"]
# Directions sorted at once, the 256th part of the usual.
SMALL_BLOCKS = (
    "from swflow.sliced.directions import dense; dense.BLOCK_ELEMENTS['cpu'] //= 256;"
    "from swflow.cli.app import main; main()"
)
USUAL = "from swflow.cli.app import main; main()"


class Stage:
    """A command, and its product as numbers."""

    def __init__(self, command: list[str], read: Callable[[Path], np.ndarray], out: str) -> None:
        self.command, self.read, self.out = command, read, out

    def run(self, folder: Path, threads: int = 2, code: str = USUAL, *more: str) -> np.ndarray:
        """Its product, written below a folder."""
        out = folder / self.out
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, "-c", code, "--quiet", *self.command, *more, "--out", str(out)]
        subprocess.run(command, env=environment, check=True)
        return self.read(out)


def stages(first: Path) -> dict[str, Stage]:
    """Of a small study of digits; their inputs are the products of the first run."""
    dataset, store = str(first / "digits.h5"), str(first / "flow.zarr")
    model, drawn = str(first / "model"), str(first / "samples.h5")
    scored = ["--samples", drawn, "--source", model, "--dataset", dataset, "--reference", store]
    return {
        "prepare": Stage(["prepare", *_set(["kind=digits"])], _rows, "digits.h5"),
        "simulate": Stage(["simulate", dataset, *_set(FLOW)], _particles, "flow.zarr"),
        "simulate, ε = .05": Stage(
            ["simulate", dataset, *_set([*FLOW, "entropy=.05"])], _particles, "noisy.zarr"
        ),
        "train": Stage(["train", store, "--dataset", dataset, *_set(MODEL)], _weights, "model"),
        "sample": Stage(["sample", model, "-n", "2000"], _draws, "samples.h5"),
        "score": Stage(["score", *GROUPS, *scored, *_set(SIZES)], _values, "scores"),
    }


def _set(values: list[str]) -> list[str]:
    return [word for value in values for word in ("--set", value)]


def _rows(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return np.concatenate([file[name]["x"][:].ravel() for name in ("train", "heldout")])


def _particles(path: Path) -> np.ndarray:
    (run,) = open_runs([path])
    return run.particles(len(run.time) - 1)


def _weights(path: Path) -> np.ndarray:
    found = load_file(path / "weights.safetensors")
    return np.concatenate([found[name].ravel() for name in sorted(found)])


def _draws(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        found: list[np.ndarray] = []
        file.visititems(lambda _, of: found.append(of[:].ravel()) if hasattr(of, "dtype") else None)
    return np.concatenate([of for of in found if of.dtype.kind == "f"])


def _values(path: Path) -> np.ndarray:
    rows = [row for group in GROUPS for row in read_scores(path / f"{group}.json")]
    return np.array([row["value"] for row in rows])


def compared(first: np.ndarray, other: np.ndarray) -> str:
    """Whether two products are the same, or differences over the spread: RMS and largest."""
    if np.array_equal(first, other):
        return "same"
    off = np.abs(first - other) / first.std()
    return f"{np.sqrt(np.square(off).mean()):.1g}, {off.max():.1g}"


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "first"
        for name, stage in stages(first).items():
            made = stage.run(first)
            ways = {
                "again": stage.run(Path(folder) / "again"),
                "one thread": stage.run(Path(folder) / "one", 1),
            }
            if name.startswith("simulate"):
                more = "--processes", "2"
                ways["two processes"] = stage.run(Path(folder) / "two", 2, USUAL, *more)
                ways["smaller blocks"] = stage.run(Path(folder) / "blocks", 2, SMALL_BLOCKS)
            row = {"stage": name, "digest": hashlib.sha256(made.tobytes()).hexdigest()[:8]}
            rows.append(row | {way: compared(made, of) for way, of in ways.items()})
            print(rows[-1], flush=True)
    write(
        arguments.out,
        "# Which bytes agree",
        pd.DataFrame(rows).fillna("–").to_markdown(index=False, disable_numparse=True),
        "`same`: every byte; else the root mean square and the largest difference, over the spread "
        f"of the numbers. Each stage has the inputs of the first run. {conditions()}",
    )


if __name__ == "__main__":
    main()
