"""Any size: peak memory of large simulations beside what is expected, seconds, share of writing.

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
from swflow.flow.memory import simulation_bytes
from swflow.settings import SimulationSettings
from swflow.store.dataset import dataset_sizes
from swflow.store.trajectory import TrajectoryStore

SHORT = {"dim": 512, "n_directions": 64, "times": [0.2, 0.4, 0.6], "step": 0.1}
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
    "few points": {"n": 1_000, **SHORT, "dim": 32},
    "twin": {"n": 50_000, **SHORT, "twin": "always"},
    "noise": {"n": 50_000, **SHORT, "entropy": 0.01},
    "evenly spread": {"n": 50_000, **SHORT, "quasi": True},
    "many points": {"n": 500_000, **SHORT, "dim": 16},
    "many rows": {"n": 1_000, **SHORT, "rows": 100_000},
    "many rows, in subsets": {"n": 5_000, **SHORT, "rows": 700_000, "target_batch": 5_000},
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
        n, dim, of_target = case["n"], case["dim"], case.get("rows", case["n"])
        settings = {k: v for k, v in case.items() if k not in ("n", "dim", "rows")}
        settings["n_particles"] = n
        with tempfile.TemporaryDirectory() as folder:
            data, store = Path(folder) / "data.h5", Path(folder) / "flow.zarr"
            write_dataset(data, of_target, dim)
            command = ["simulate", str(data), "--settings", json.dumps(settings)]
            subprocess.run(
                [sys.executable, "-m", "swflow.cli", *command, "--out", str(store)], check=True
            )
            said = TrajectoryStore(store).attributes
            expected = simulation_bytes(SimulationSettings(**settings), dataset_sizes(data))
        steps, spent, took = said["steps"], said["wall_seconds"], said["peak_memory_bytes"]
        rows.append(
            {
                "case": name,
                "N, rows, d, L": f"{n:,}, {of_target:,}, {dim}, {case['n_directions']}",
                "target_batch": f"{case.get('target_batch', 'all')}",
                "steps": f"{steps:,}",
                "seconds": f"{spent:.1f}",
                "waited for writing, %": f"{100 * said['write_seconds'] / spent:.2f}",
                "peak memory, GiB": f"{took / 2**30:.2f}",
                "expected, GiB": f"{expected / 2**30:.2f}",
                "off by, %": f"{100 * (expected / took - 1):+.0f}",
            }
        )
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    write(arguments.out, "# Simulations of any size", table, conditions())


if __name__ == "__main__":
    main()
