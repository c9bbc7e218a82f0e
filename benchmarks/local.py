"""A step along local directions against its two sorts alone.

    python benchmarks/local.py --out results/reference/benchmarks/local-cpu.md
    python benchmarks/local.py --device cuda --out results/reference/benchmarks/local-gpu.md

One basis of d directions of images, transport included, for each side of tiles and on average over
the sides that a flow draws by default. Beside it what no step can do without: sorting the
projections of the target, and those of the particles with their ranks.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor

from report import conditions, median_seconds, parser, write
from swflow import local_directions
from swflow.sliced.directions.dense import BLOCK_ELEMENTS
from swflow.sliced.directions.local import default_tiles
from swflow.sliced.drift import drift
from swflow.sliced.plans.exact import Exact
from swflow.sliced.sorting import displaced, sorted_rows

CASES = {
    "cpu": [(20_000, (28, 28)), (10_000, (3, 32, 32))],
    "cuda": [(60_000, (28, 28)), (60_000, (3, 32, 32))],
}


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--device", default="cpu")
    arguments = options.parse_args()
    device, rows = arguments.device, []
    for n, shape in CASES[device]:
        generator = torch.Generator(device).manual_seed(0)
        x = torch.randn(n, int(np.prod(shape)), generator=generator, device=device)
        y = 1 + 2 * x.flip(0)

        def seconds(action: Callable[..., None], *of: object) -> float:
            return median_seconds(partial(action, *of), arguments.repeats, device)

        sorts = seconds(two_sorts, x)
        spent = {
            f"{tile[0]} x {tile[1]}": seconds(step, x, y, shape, tile, generator)
            for tile in default_tiles(*shape[-2:])
        }
        for name, value in {**spent, "mean": float(np.mean(list(spent.values())))}.items():
            case = {"N, shape": f"{n:,}, {' x '.join(map(str, shape))}", "tiles": name}
            times = {"step, ms": f"{value * 1e3:.0f}", "two sorts, ms": f"{sorts * 1e3:.0f}"}
            rows.append({**case, **times, "step / sorts": f"{value / sorts:.2f}"})
            print(rows[-1], flush=True)
    write(
        arguments.out,
        f"# Local directions on the {'GPU' if device == 'cuda' else 'CPU'}",
        pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True),
        f"Medians of {arguments.repeats}, drawing the directions included. {conditions()}",
    )


def step(
    x: Tensor, y: Tensor, shape: tuple[int, ...], tile: tuple[int, int], generator: Generator
) -> None:
    """The drift of particles to as many rows along one basis."""
    drift(x, y, local_directions(shape, tile, generator=generator), x[:0], plan=Exact())


def two_sorts(x: Tensor) -> None:
    """As many numbers as both clouds have along d directions, in blocks as a flow sorts them."""
    for part in x.T.split(max(1, BLOCK_ELEMENTS[x.device.type] // (2 * len(x)))):
        ordered = sorted_rows(part.contiguous(), overwrite=True)
        displaced(part.contiguous(), ordered, keep_order=False, overwrite=True)


if __name__ == "__main__":
    main()
