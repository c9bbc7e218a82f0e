"""Any size: peak memory of large simulations, seconds a step, and the share spent on writing.

    python benchmarks/size.py --out results/reference/benchmarks/size.md

Each simulation is a process of its own, with its target read from a dataset file; the file and
the store lie in a temporary folder (TMPDIR).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from report import conditions, parser, write
from swflow.store.trajectory import TrajectoryStore

CASES = {
    "large": {"n": 200_000, "dim": 784, "n_directions": 1024, "times": [0.1], "step": 0.1},
    "large, in subsets": {
        **{"n": 200_000, "dim": 784, "n_directions": 1024, "times": [0.1], "step": 0.1},
        "target_batch": 20_000,
    },
    "many stored times": {
        "n": 20_000,
        "dim": 64,
        "n_directions": 128,
        "horizon": 20,
        "n_times": 32,
    },
    "long horizon": {"n": 8_192, "dim": 32, "n_directions": 64, "horizon": 1500, "n_times": 16},
}


def write_dataset(path: Path, n: int, dim: int) -> None:
    """Rows of a correlated law, a slice at a time: nothing of it is held in memory."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(dim, dim)).astype("float32") / np.sqrt(dim)
    with h5py.File(path, "w", libver="latest") as file:
        for split, rows in (("train", n), ("heldout", 1000), ("test", 1000)):
            x = file.create_dataset(f"{split}/x", (rows, dim), "float32")
            for begin in range(0, rows, 10_000):
                end = min(begin + 10_000, rows)
                x[begin:end] = rng.normal(size=(end - begin, dim)).astype("float32") @ mixing
        file.attrs.update(
            {"format": 1, "name": "large", "shift": np.zeros(dim), "scale": 1.0}
            | {"value_range": (-9.0, 9.0), "versions": "{}"}
        )


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rows = []
    for name, case in CASES.items():
        n, dim = case["n"], case["dim"]
        settings = {k: v for k, v in case.items() if k not in ("n", "dim")} | {"n_particles": n}
        with tempfile.TemporaryDirectory() as folder:
            data, store = Path(folder) / "data.h5", Path(folder) / "flow.zarr"
            write_dataset(data, n, dim)
            command = ["simulate", str(data), "--settings", json.dumps(settings)]
            subprocess.run(
                [sys.executable, "-m", "swflow.cli", *command, "--out", str(store)], check=True
            )
            said = TrajectoryStore(store).attributes
        steps, spent = said["steps"], said["wall_seconds"]
        rows.append(
            {
                "case": name,
                "N, d, L": f"{n:,}, {dim}, {case['n_directions']}",
                "target_batch": f"{case.get('target_batch', 'all')}",
                "steps": f"{steps:,}",
                "seconds": f"{spent:.1f}",
                "waited for writing, %": f"{100 * said['write_seconds'] / spent:.2f}",
                "peak memory, GiB": f"{said['peak_memory_bytes'] / 2**30:.2f}",
            }
        )
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    write(arguments.out, "# Simulations of any size", table, conditions())


if __name__ == "__main__":
    main()
