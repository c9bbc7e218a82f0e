"""Sliced Wasserstein distances."""

from functools import lru_cache

import torch
from torch import Tensor

from swflow.runtime.errors import InputError
from swflow.sliced.directions.base import Directions, check_clouds
from swflow.sliced.directions.dense import as_directions, random_directions
from swflow.sliced.sorting import sorted_rows


def sliced_wasserstein(
    x: Tensor, y: Tensor, directions: Tensor | Directions, *, p: float = 2
) -> Tensor:
    """Sliced Wasserstein distance SW_p between two clouds of equal weights.

    SW_p(x, y) = (mean over θ of W_p(θ·x, θ·y)^p)^(1/p), Bonneel et al. 2015; W_p in one dimension
    is the L^p distance of quantile functions, taken exactly for any two sizes.

    x: `(n, d)`; y: `(m, d)`; directions: `(L, d)` unit vectors.
    Returns: scalar tensor, in the units of x, differentiable in x and y (with gradient 0 at
    distance 0). Raises ValueError on shapes that do not match, empty clouds, or p < 1.
    """
    directions = as_directions(directions)
    check_clouds(x, y, directions)
    if p < 1:
        raise InputError(f"sliced_wasserstein needs p >= 1, got p={p}.")
    total = x.new_zeros(())
    for block in directions.blocks(len(x) + len(y)):
        costs = sorted_transport_cost(
            sorted_projections(x, block), sorted_projections(y, block), p=p
        )
        total = total + costs.sum()
    mean = total / len(directions)
    positive = mean > 0
    return torch.where(positive, mean, torch.ones_like(mean)).pow(1 / p) * positive


def evaluation_directions(n: int, dim: int, generator: torch.Generator) -> Directions:
    """Directions to measure along: n in whole orthonormal blocks of dim, or part of one."""
    whole = -(-n // dim) * dim if n > dim else n
    return as_directions(random_directions(whole, dim, generator=generator))


def sorted_projections(x: Tensor, directions: Directions) -> Tensor:
    """Projections of `x (n, d)` on L directions, each row sorted: `(L, n)`."""
    return sorted_rows(directions.project(x), overwrite=True)


def sorted_transport_cost(x: Tensor, y: Tensor, *, p: float = 2) -> Tensor:
    """W_p^p between sorted samples: x `(L, n)`, y `(L, m)`, equal weights. Returns `(L,)`."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return (x - y).abs().pow(p).mean(dim=1)
    rows, columns, widths = _common_refinement(n, m, x.device)
    gaps = (x.index_select(1, rows) - y.index_select(1, columns)).abs().pow(p)
    return gaps @ widths.to(gaps.dtype)


@lru_cache(maxsize=32)
def _common_refinement(n: int, m: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Indices into n and m quantile steps, and the width, of each interval where both are flat."""
    knots = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).unique()
    widths = knots.diff(prepend=knots.new_zeros(1)).double() / (n * m)
    return (
        ((knots - 1) // m).to(device),
        ((knots - 1) // n).to(device),
        widths.to(device),
    )
