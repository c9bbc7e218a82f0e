"""Seconds for 1,000 samples: the trained map against running its flow with 1,000 fresh particles.

Run after the default study:

    python benchmarks/inference.py --out results/reference/benchmarks/inference.md

Both in one process and in turn, after a warm-up; medians of the pairs, and whole processes
beside them. The flow is given its best form: only the last time is stored, no distances, no disk.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

import swflow
from report import conditions, parser, write
from swflow.flow.run import run_fresh
from swflow.randomness import keyed_generator
from swflow.stages.loading import open_runs
from swflow.store.dataset import read_dataset

N = 1000


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def in_process(dataset: Path, store: Path, model: Path, repeats: int) -> tuple[float, float, float]:
    """Medians of flow and map, and of the ratio pair by pair."""
    data, trained = read_dataset(dataset), swflow.load(model)
    (run,) = open_runs([store])
    generator = keyed_generator(0, "benchmark")
    actions = (
        lambda: run_fresh(data, run.settings, N, generator),
        lambda: trained.sample(N, generator=generator),
    )
    for action in actions:
        action()
    pairs = [tuple(seconds(action) for action in actions) for _ in range(repeats)]
    flow, network = (statistics.median(column) for column in zip(*pairs, strict=True))
    return flow, network, statistics.median(a / b for a, b in pairs)


def whole_process(
    dataset: Path, store: Path, model: Path, repeats: int
) -> tuple[float, float, float]:
    """The same from the command line: start-up, reading and writing included."""
    (run,) = open_runs([store])
    end = float(run.time[-1])
    short = run.settings.model_dump(mode="json") | {
        "n_particles": N,
        "n_tracers": 0,
        "times": [end],
        "horizon": None,
    }
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        flow = ["simulate", str(dataset), "--settings", json.dumps(short), "--out", f"{out}/a.zarr"]
        draw = ["sample", str(model), "--time", str(end), "--set", f"n={N}", "--out", f"{out}/b.h5"]
        commands = [[sys.executable, "-m", "swflow.cli", *command] for command in (flow, draw)]
        pairs = [
            tuple(
                seconds(lambda c=command: subprocess.run(c, check=True, capture_output=True))
                for command in commands
            )
            for _ in range(repeats + 1)
        ][1:]
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    return first, second, statistics.median(a / b for a, b in pairs)


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--results", type=Path, default=Path("results"))
    arguments = options.parse_args()
    rows = []
    for dataset, flow, model in (
        ("clothes_48", "images", "flow_map_wide"),
        ("eight_gaussians", "plane", "flow_map"),
    ):
        paths = (
            arguments.results / "datasets" / f"{dataset}.h5",
            arguments.results / "flows" / dataset / flow / "entropy0" / "seed0.zarr",
            arguments.results / "models" / dataset / flow / model / "seed0",
        )
        for name, measure in (("in process", in_process), ("whole process", whole_process)):
            first, second, ratio = measure(*paths, arguments.repeats)
            rows.append([dataset, name, f"{first:.3f}", f"{second:.4f}", f"{ratio:.1f}"])
    columns = ["dataset", "measured", f"flow, s per {N:,}", f"map, s per {N:,}", "ratio of pairs"]
    table = pd.DataFrame(rows, columns=columns).to_markdown(index=False, disable_numparse=True)
    write(
        arguments.out,
        "# Seconds for 1,000 samples: the trained map against its flow",
        table,
        f"Medians of {arguments.repeats} pairs. {conditions()}",
    )


if __name__ == "__main__":
    main()
