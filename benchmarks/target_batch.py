"""What it costs to read the target in subsets: the bias of the flow's law.

    python benchmarks/target_batch.py --out results/reference/benchmarks/target-batch.md

Quantiles of a subset of B rows are, on average, nearer to the centre than those of all rows, so
that the flow ends at a law that is a little too narrow and too smooth. Measured at the end of the
flow: SW to held-out rows beside the flow with the whole target, and the spread, over three seeds.
"""

import numpy as np
import pandas as pd
import torch

from report import conditions, parser, write
from swflow import FlowSettings, simulate, sliced_wasserstein
from swflow.datasets.make import make_dataset
from swflow.randomness import keyed_generator
from swflow.representation.affine import Affine
from swflow.settings import DigitsSettings, EightGaussiansSettings
from swflow.sliced.distances import evaluation_directions

N, SEEDS = 8192, (0, 1, 2)
DATASETS = {
    "eight_gaussians": EightGaussiansSettings(n_train=16384, n_heldout=8192),
    "digits": DigitsSettings(),
}
BATCHES = {"eight_gaussians": (64, 256, 1024, 4096, None), "digits": (64, 256, 1024, None)}


def end(target: torch.Tensor, batch: int | None, seed: int) -> torch.Tensor:
    settings = FlowSettings(
        times=[20], n_directions=64 * (1 + target.shape[1] // 64), step=0.2, target_batch=batch
    )
    generator = keyed_generator(seed, "benchmark")
    source = torch.randn(N, target.shape[1], generator=generator)
    *_, last = simulate(source, target, settings, generator=generator)
    return last.particles


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rows = []
    for name, settings in DATASETS.items():
        raw = make_dataset(settings)
        units = Affine.from_rows(raw["train"].x)
        train, heldout = (
            torch.from_numpy(units.encode(raw[split].x[:])).flatten(1)
            for split in ("train", "heldout")
        )
        thetas = evaluation_directions(256, train.shape[1], keyed_generator("thetas"))
        floor = float(sliced_wasserstein(train, heldout, thetas))
        spread = float(train.var(dim=0).sum().sqrt())
        for batch in BATCHES[name]:
            clouds = [end(train, batch, seed) for seed in SEEDS]
            distances = [float(sliced_wasserstein(x, heldout, thetas)) for x in clouds]
            narrow = [100 * (float(x.var(dim=0).sum().sqrt()) / spread - 1) for x in clouds]
            rows.append(
                {
                    "dataset": name,
                    "target_batch": "all" if batch is None else f"{batch:,}",
                    "SW to held-out": f"{np.mean(distances):.4f} ± {np.std(distances, ddof=1):.4f}",
                    "training rows' (floor)": f"{floor:.4f}",
                    "spread off by, %": f"{np.mean(narrow):+.2f} ± {np.std(narrow, ddof=1):.2f}",
                }
            )
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    write(
        arguments.out,
        "# The target in subsets",
        table,
        f"{N:,} particles, τ = 20, steps of at most .2, three seeds. {conditions()}",
    )


if __name__ == "__main__":
    main()
