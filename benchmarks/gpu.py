"""One drift of the particle flow on a GPU: against a torch.sort pipeline and the roofline.

    python benchmarks/gpu.py --out results/reference/benchmarks/drift-gpu.md

The roofline is the larger of two times that no method can beat: of the three matrix products at
the measured speed of a large one in the same precision, and of the bytes that any method must
move (both clouds once, the drift once) at the measured speed of a copy. Sorting moves far more:
the distance to it is the price of exactness, which the histogram does not pay; its error is shown.
"""

from collections.abc import Callable
from functools import partial

import pandas as pd
import torch
from torch import Tensor

from report import conditions, median_seconds, parser, write
from swflow import random_directions, sliced_velocity
from swflow.settings.slicing import HistogramSettings
from swflow.sliced.directions.dense import as_directions
from swflow.sliced.drift import drift
from swflow.sliced.plans.histogram import Histogram

SIZES = [(n, dim, 1024) for n in (60_000, 1_000_000) for dim in (784, 64)]


def torch_sort(x: Tensor, y: Tensor, thetas: Tensor) -> Tensor:
    total = torch.zeros_like(x)
    for block in thetas.split(max(1, 2**28 // len(x))):
        projected = block @ x.T
        goals = (block @ y.T).sort(dim=1).values
        order = projected.argsort(dim=1)
        total += (torch.empty_like(projected).scatter_(1, order, goals) - projected).T @ block
    return x.shape[1] / len(thetas) * total


def histogram(x: Tensor, y: Tensor, thetas: Tensor) -> Tensor:
    return drift(x, y, as_directions(thetas), x[:0], plan=Histogram(HistogramSettings()))[0]


METHODS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "torch.sort": torch_sort,
    "exact": sliced_velocity,
    "histogram": histogram,
}


def roofline(n: int, dim: int, n_directions: int, device: str, rounds: int) -> float:
    a, b = (torch.randn(4096, 4096, device=device) for _ in range(2))
    flops = 2 * 4096**3 / median_seconds(lambda: a @ b, rounds, device)
    big = torch.empty(2**27, device=device)
    speed = 8 * 2**27 / median_seconds(big.clone, rounds, device)
    return max(3 * 2 * n * dim * n_directions / flops, 3 * 4 * n * dim / speed)


def measure(n: int, dim: int, n_directions: int, device: str, rounds: int) -> dict[str, str]:
    generator = torch.Generator(device).manual_seed(0)
    x = torch.randn(n, dim, generator=generator, device=device)
    y = 1 + 2 * torch.randn(n, dim, generator=generator, device=device)
    thetas = random_directions(n_directions, dim, generator=generator, device=device)
    exact = sliced_velocity(x, y, thetas)
    error = float((histogram(x, y, thetas) - exact).norm() / exact.norm())
    assert (torch_sort(x, y, thetas) - exact).norm() < 1e-3 * exact.norm()
    del exact
    spent = {
        k: median_seconds(partial(f, x, y, thetas), rounds, device) for k, f in METHODS.items()
    }
    bound = roofline(n, dim, n_directions, device, rounds)
    return {
        "N, d, L": f"{n:,}, {dim}, {n_directions}",
        **{f"{name}, ms": f"{value * 1e3:.1f}" for name, value in spent.items()},
        "roofline, ms": f"{bound * 1e3:.1f}",
        "exact over torch.sort": f"{spent['torch.sort'] / spent['exact']:.2f} ×",
        "exact over the roofline": f"{spent['exact'] / bound:.1f}",
        "histogram over the roofline": f"{spent['histogram'] / bound:.1f}",
        "histogram's error, %": f"{100 * error:.2f}",
    }


def main() -> None:
    options = parser(__doc__, rounds=7)
    options.add_argument("--device", default="cuda")
    options.add_argument("--shrink", type=int, default=1, help="divide N by this: a trial")
    arguments = options.parse_args()
    rows = []
    for n, dim, n_directions in SIZES:
        sizes = (n // arguments.shrink, dim, n_directions)
        rows.append(measure(*sizes, arguments.device, arguments.rounds))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    write(
        arguments.out,
        "# One drift on the GPU",
        table,
        f"Medians of {arguments.rounds} rounds after a warm-up; float32. {conditions()}",
    )


if __name__ == "__main__":
    main()
