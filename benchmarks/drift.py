"""One drift of the particle flow on the CPU: against POT, a torch.sort loop, and a lower bound.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/drift.py

All in one process and in turn, after a warm-up: medians of rounds, with the interquartile range
of the ratios. Directions are given to all. The lower bound is what any method by sorting needs:
three matrix products (particles, targets, back) and two values-only NumPy sorts on all cores. On
AMD's Zen 4 NumPy sorts several times faster without AVX-512: set NPY_DISABLE_CPU_FEATURES="X86_V4
AVX512_ICL AVX512_SPR" there, which makes the bound tighter and changes nothing else. Without
OMP_WAIT_POLICY=PASSIVE (which the command line sets for itself) torch's threads spin after every
operation: that slows all methods that mix them with threads of their own, the bound included.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import ot
import pandas as pd
import torch
from torch import Tensor

from report import conditions, parser, write
from swflow import random_directions, sliced_velocity

SIZES = [
    *((2_000, 2, 100), (10_000, 2, 100), (10_000, 64, 256)),
    *((20_000, 784, 200), (100_000, 32, 128)),
]


def pot(x: Tensor, y: Tensor, thetas: Tensor) -> Tensor:
    moving = x.clone().requires_grad_()
    distance = ot.sliced_wasserstein_distance(moving, y, projections=thetas.T)
    (distance.square() / 2).backward()
    assert moving.grad is not None
    return -x.shape[0] * x.shape[1] * moving.grad


def torch_sort(x: Tensor, y: Tensor, thetas: Tensor) -> Tensor:
    projected, order = thetas @ x.T, None
    order = projected.argsort(dim=1)
    goals = (thetas @ y.T).sort(dim=1).values
    moved = torch.empty_like(projected).scatter_(1, order, goals) - projected
    return x.shape[1] / len(thetas) * (moved.T @ thetas)


def lower_bound(x: Tensor, y: Tensor, thetas: Tensor) -> Tensor:
    threads = torch.get_num_threads()
    projected = [thetas @ x.T, thetas @ y.T]
    with ThreadPoolExecutor(threads) as pool:
        for rows in projected:
            list(pool.map(lambda part: part.sort(axis=1), np.array_split(rows.numpy(), threads)))
    return projected[0].T @ thetas


METHODS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "POT with autograd": pot,
    "torch.sort": torch_sort,
    "lower bound": lower_bound,
    "swflow": sliced_velocity,
}


def measure(n: int, dim: int, n_directions: int, rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each method, round by round."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(n, dim, generator=generator) for _ in range(2))
    y = 1 + 2 * y  # a drift well above the rounding of projections
    thetas = random_directions(n_directions, dim, generator=generator)
    found = [method(x, y, thetas) for name, method in METHODS.items() if name != "lower bound"]
    for drift in found[1:]:  # the warm-up, and a check that all compute the same
        assert (drift - found[0]).norm() < 1e-3 * found[0].norm()
    lower_bound(x, y, thetas)
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(rounds):
        for name, method in METHODS.items():
            began = time.perf_counter()
            method(x, y, thetas)
            seconds[name].append(time.perf_counter() - began)
    return {name: np.array(values) for name, values in seconds.items()}


def main() -> None:
    arguments = parser(__doc__, rounds=7).parse_args()
    rows = []
    for n, dim, n_directions in SIZES:
        seconds = measure(n, dim, n_directions, arguments.rounds)
        faster = seconds["POT with autograd"] / seconds["swflow"]
        above = seconds["swflow"] / seconds["lower bound"]
        low, high = np.quantile(faster, [0.25, 0.75])
        rows.append(
            {
                "N, d, L": f"{n:,}, {dim}, {n_directions}",
                **{f"{k}, ms": f"{np.median(v) * 1e3:.1f}" for k, v in seconds.items()},
                "ns a number": f"{np.median(seconds['swflow']) / (n * n_directions) * 1e9:.1f}",
                "faster than POT": f"{np.median(faster):.1f} [{low:.1f}, {high:.1f}]",
                "over the bound": f"{np.median(above):.2f}",
            }
        )
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    write(
        arguments.out,
        "# One drift on the CPU",
        table,
        f"Medians of {arguments.rounds} rounds in turn, interquartile range in brackets; "
        f"`ns a number`: of one projection of one particle. {conditions()}",
    )


if __name__ == "__main__":
    main()
