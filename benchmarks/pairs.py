"""Training on stores larger than memory: pairs streamed through a pool, against clouds held.

    python benchmarks/pairs.py --out results/reference/benchmarks/pairs.md

A flow of 60,000 particles in 784 dimensions at 16 times and three entropies, 9 GB of clouds, and
the default network. Each training is a process of its own, in turn, and is timed once it is warm;
the stores lie in a temporary folder (TMPDIR), written just before: the disk's cache holds them as
far as the machine has memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from report import conditions, parser, write

N, DIM, N_TIMES, ENTROPIES = 60_000, 784, 16, (0.0, 0.05, 0.1)
WARM, TIMED = 50, 200
POOLS = {"held": 1000.0, "streamed": 1.0}  # GiB


def write_stores(folder: Path) -> None:
    """Clouds that move from noise to noise: what they hold does not matter."""
    from swflow.schedule.steps import stored_times
    from swflow.settings import SimulationSettings
    from swflow.store.trajectory import write_trajectory

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, N, DIM), dtype=np.float32)
    for entropy in ENTROPIES:
        settings = SimulationSettings(
            horizon=20, n_times=N_TIMES, n_particles=N, n_directions=DIM, entropy=entropy
        )
        times = stored_times(settings)
        with write_trajectory(folder / f"{entropy:g}.zarr", times) as writer:
            for at in times:
                cloud = x + (y - x) * np.float32(at / times[-1])
                # The twin is learned from; of the noisy particles no more than their shape is read.
                twin = {"twin": cloud} if entropy else {}
                writer.write(at, twin | ({} if twin and at else {"particles": cloud}))
            said = {"settings": settings.canonical(), "dataset_digest": "none", "seed": 0}
            writer.finish(said)


def train(folder: Path, pool_gib: float) -> dict[str, float]:
    """Seconds of a step, once warm, and the peak of resident memory."""
    from swflow.models.fit import fit
    from swflow.representation.affine import Affine
    from swflow.representation.dataset import Dataset
    from swflow.runtime.provenance import peak_memory
    from swflow.settings import FlowMapSettings
    from swflow.stages.loading import open_runs
    from swflow.training.loop import TrainingRun

    began: list[float] = []

    def on_step(state: Any) -> None:
        if state.step in (WARM, WARM + TIMED):
            began.append(time.perf_counter())
        if len(began) == 2:
            found = {"seconds": (began[1] - began[0]) / TIMED, "gib": peak_memory() / 2**30}
            print(json.dumps(found), flush=True)
            raise SystemExit

    units = Affine(np.zeros(DIM), 1.0, (DIM,), (-5.0, 5.0))
    dataset = Dataset("none", {}, units, {}, "none")
    runs = open_runs(sorted(folder.glob("*.zarr")))
    fit(FlowMapSettings(pool_gib=pool_gib), dataset, runs, TrainingRun(0, on_step=on_step))
    raise AssertionError("a training is longer than what is timed")


def main() -> None:
    options = parser(__doc__, rounds=3)
    options.add_argument("--train", nargs=2, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.train:
        folder, pool = arguments.train
        train(Path(folder), float(pool))
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in POOLS}
    with tempfile.TemporaryDirectory() as folder:
        write_stores(Path(folder))
        for _ in range(arguments.rounds):
            for name, pool in POOLS.items():
                command = [sys.executable, __file__, "--train", folder, str(pool)]
                ended = subprocess.run(command, check=True, capture_output=True, text=True)
                rounds[name].append(json.loads(ended.stdout))
                print(name, rounds[name][-1], flush=True)
    medians = {
        name: {key: float(np.median([each[key] for each in found])) for key in ("seconds", "gib")}
        for name, found in rounds.items()
    }
    pairs = zip(rounds["held"], rounds["streamed"], strict=True)
    speed = float(np.median([held["seconds"] / streamed["seconds"] for held, streamed in pairs]))
    rows = [
        {
            "clouds": name,
            "ms a step": f"{1e3 * found['seconds']:.1f}",
            "peak memory, GiB": f"{found['gib']:.2f}",
            "speed": "1" if name == "held" else f"{speed:.3f}",
        }
        for name, found in medians.items()
    ]
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    write(
        arguments.out,
        "# Training on more than memory holds",
        table,
        f"{N:,} particles, d = {DIM}, {N_TIMES} times, {len(ENTROPIES)} entropies; the default "
        f"network, {TIMED} steps after {WARM}; medians of {arguments.rounds} rounds in turn, speed "
        f"of pairs. {conditions()}",
    )


if __name__ == "__main__":
    main()
