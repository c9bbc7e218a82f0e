"""A step along local directions against its two sorts alone.

    python benchmarks/local.py --out results/reference/benchmarks/local.md

One basis of d directions of images, transport included, for each side of tiles and on average over
the sides that a flow draws by default. Beside it what no step can do without: sorting the
projections of the target, and those of the particles with their ranks.
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from report import conditions, parser, write
from swflow import local_directions
from swflow.sliced.directions.local import default_tiles
from swflow.sliced.drift import drift
from swflow.sliced.plans.exact import Exact
from swflow.sliced.sorting import displaced, sorted_rows

CASES = [(20_000, (28, 28)), (10_000, (3, 32, 32))]
SORTED_AT_ONCE = 2**22  # numbers, as in a flow


def main() -> None:
    arguments = parser(__doc__, repeats=5).parse_args()
    rows = []
    for n, shape in CASES:
        x = torch.randn(n, int(np.prod(shape)), generator=torch.Generator().manual_seed(0))
        y = 1 + 2 * x.flip(0)
        sorts = median(lambda x=x: two_sorts(x), arguments.repeats)
        spent = {
            tile: median(lambda x=x, y=y, s=shape, t=tile: step(x, y, s, t), arguments.repeats)
            for tile in default_tiles(*shape[-2:])
        }
        spent_ms = {f"{tile[0]} x {tile[1]}": value for tile, value in spent.items()}
        for name, value in {**spent_ms, "mean": float(np.mean(list(spent.values())))}.items():
            case = {"N, shape": f"{n:,}, {' x '.join(map(str, shape))}", "tiles": name}
            times = {"step, ms": f"{value * 1e3:.0f}", "two sorts, ms": f"{sorts * 1e3:.0f}"}
            rows.append({**case, **times, "step / sorts": f"{value / sorts:.2f}"})
            print(rows[-1], flush=True)
    write(
        arguments.out,
        "# Local directions on the CPU",
        pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True),
        f"Medians of {arguments.repeats}, drawing the directions included. {conditions()}",
    )


def step(x: torch.Tensor, y: torch.Tensor, shape: tuple[int, ...], tile: tuple[int, int]) -> None:
    """The drift of particles to as many rows along one basis."""
    drift(x, y, local_directions(shape, tile), x[:0], plan=Exact())


def two_sorts(x: torch.Tensor) -> None:
    """As many numbers as both clouds have along d directions, in blocks that fit into caches."""
    for part in x.T.split(max(1, SORTED_AT_ONCE // (2 * len(x)))):
        ordered = sorted_rows(part.contiguous(), overwrite=True)
        displaced(part.contiguous(), ordered, keep_order=False, overwrite=True)


def median(action: Callable[[], None], repeats: int) -> float:
    """Seconds, after a warm-up."""
    spent = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        action()
        spent.append(time.perf_counter() - began)
    return float(np.median(spent[1:]))


if __name__ == "__main__":
    main()
