"""Sliced optimal transport: directions, one-dimensional transport, distances, drift.

Pure tensor functions. Each runs on the device, and in the precision, of its input.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from swflow.errors import InputError

# Projections are processed in blocks of directions of about this many numbers, to bound memory.
BLOCK_ELEMENTS = 2**23


def random_directions(
    n: int,
    dim: int,
    *,
    orthonormal: bool = True,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Draw `n` unit vectors, each uniform on the sphere.

    With `orthonormal`, consecutive blocks of `dim` rows are Haar-distributed orthogonal matrices:
    where `dim` divides `n` the mean of θθᵀ is exactly I/dim, and a drift moves means exactly.

    Returns: `(n, dim)`. Raises ValueError if `n` or `dim` is below 1.
    """
    if n < 1 or dim < 1:
        raise InputError(f"random_directions needs n >= 1 and dim >= 1, got n={n}, dim={dim}.")
    drawn_on = generator.device if generator is not None else device
    blocks, rows = (-(-n // dim), dim) if orthonormal else (1, n)
    normal = torch.randn(blocks, rows, dim, generator=generator, device=drawn_on, dtype=dtype)
    if orthonormal:
        q, r = torch.linalg.qr(normal)
        # QR alone is not Haar: the signs of R's diagonal must be made uniform (Mezzadri 2007).
        directions = (q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)).mT
    else:
        directions = normal / normal.norm(dim=-1, keepdim=True)
    return directions.reshape(-1, dim)[:n].to(device=device)


def evaluation_directions(n: int, dim: int, generator: torch.Generator) -> Tensor:
    """At least `n` directions `(·, dim)`, in whole orthonormal blocks, to measure along."""
    return random_directions(-(-n // dim) * dim, dim, generator=generator)


def sorted_projections(x: Tensor, directions: Tensor) -> Tensor:
    """Projections of `x (n, d)` on `directions (L, d)`, each row sorted: `(L, n)`."""
    projected = directions @ x.T
    if projected.device.type == "cpu" and not projected.requires_grad:
        return _rowwise(np.sort, projected)
    return projected.sort(dim=1).values


def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor, *, p: float = 2) -> Tensor:
    """Sliced Wasserstein distance SW_p between two clouds of equal weights.

    SW_p(x, y) = (mean over θ of W_p(θ·x, θ·y)^p)^(1/p), Bonneel et al. 2015; W_p in one dimension
    is the L^p distance of quantile functions, taken exactly for any two sizes.

    x: `(n, d)`; y: `(m, d)`; directions: `(L, d)` unit vectors.
    Returns: scalar tensor, in the units of x, differentiable in x and y (with gradient 0 at
    distance 0). Raises ValueError on shapes that do not match, empty clouds, or p < 1.
    """
    _check_clouds(x, y, directions)
    if p < 1:
        raise InputError(f"sliced_wasserstein needs p >= 1, got p={p}.")
    total = x.new_zeros(())
    for block in _blocks(directions, len(x) + len(y)):
        costs = sorted_transport_cost(
            sorted_projections(x, block), sorted_projections(y, block), p=p
        )
        total = total + costs.sum()
    mean = total / len(directions)
    positive = mean > 0
    return torch.where(positive, mean, torch.ones_like(mean)).pow(1 / p) * positive


def sorted_transport_cost(x: Tensor, y: Tensor, *, p: float = 2) -> Tensor:
    """W_p^p between sorted samples: x `(L, n)`, y `(L, m)`, equal weights. Returns `(L,)`."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return (x - y).abs().pow(p).mean(dim=1)
    rows, columns, widths = _common_refinement(n, m, x.device)
    gaps = (x.index_select(1, rows) - y.index_select(1, columns)).abs().pow(p)
    return gaps @ widths.to(gaps.dtype)


def sliced_velocity(x: Tensor, target: Tensor, directions: Tensor) -> Tensor:
    """The drift d·mean_l[(T_l(θ_l·x) − θ_l·x) θ_l] = −n·d·∇ ½SW₂²(x, target).

    T_l is the monotone map along θ_l. For unequal sizes the particle of rank i goes to
    n∫F⁻¹ over [i/n, (i+1)/n], F⁻¹ the target's quantile function (Liutkus et al. 2019, eq. 12,
    in the time units τ = t/d).

    x: `(n, d)`; target: `(m, d)`; directions: `(L, d)` unit vectors. Returns: `(n, d)`.
    Raises ValueError on shapes that do not match or empty clouds.
    """
    return carried_velocity(x, target, directions, x[:0])[0]


def carried_velocity(
    x: Tensor, target: Tensor, directions: Tensor, carried: Tensor
) -> tuple[Tensor, Tensor]:
    """`sliced_velocity` of x, and the same field at massless points `carried (k, d)`.

    Along a direction a carried point is displaced as its neighbours among the particles are:
    linearly between two, and as the outermost one beyond it. Returns: `(n, d)`, `(k, d)`.
    """
    _check_clouds(x, target, directions)
    total, total_carried = torch.zeros_like(x), torch.zeros_like(carried)
    for block in _blocks(directions, len(x) + len(target)):
        projected = block @ x.T
        order = _ranks(projected)
        goals = monotone_goals(sorted_projections(target, block), len(x))
        displacement = torch.empty_like(projected).scatter_(1, order, goals) - projected
        total += displacement.T @ block
        if len(carried):
            ordered = projected.gather(1, order)
            total_carried += _interpolate(block @ carried.T, ordered, goals - ordered).T @ block
    scale = x.shape[1] / len(directions)
    return total * scale, total_carried * scale


def _interpolate(at: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear through (knots, values), row by row; constant beyond the ends."""
    last = knots.shape[1] - 1
    right = torch.searchsorted(knots, at.contiguous()).clamp(max=last)
    left = (right - 1).clamp(min=0)
    low, high = knots.gather(1, left), knots.gather(1, right)
    gap = (high - low).clamp(min=torch.finfo(knots.dtype).tiny)
    part = ((at - low) / gap).clamp(0, 1)
    return torch.lerp(values.gather(1, left), values.gather(1, right), part)


def monotone_goals(sorted_target: Tensor, n: int) -> Tensor:
    """Where the n ranks go: n∫F⁻¹ over [i/n, (i+1)/n]. `(L, m)` sorted rows -> `(L, n)`."""
    m = sorted_target.shape[1]
    if n == m:
        return sorted_target
    edges = torch.arange(n + 1, device=sorted_target.device) * m  # in units of 1/(n·m)
    first, last = edges[:-1] // n, (edges[1:] - 1) // n
    if n > m:  # an interval meets one target, or two neighbours
        on_first = torch.minimum(edges[1:], (first + 1) * n) - edges[:-1]
        weight = on_first.to(sorted_target.dtype) / m
        lower, upper = (sorted_target.index_select(1, at) for at in (first, last))
        return lower * weight + upper * (1 - weight)
    # Sums over many targets are differences of a running sum: float64 keeps them exact enough.
    values = sorted_target.double()
    running = torch.nn.functional.pad(values.cumsum(dim=1), (1, 0))
    at_edge = (edges // n).clamp(max=m - 1)
    part = (edges - at_edge * n).double() / n
    integral = running.index_select(1, at_edge) + values.index_select(1, at_edge) * part
    return (integral.diff(dim=1) * (n / m)).to(sorted_target.dtype)


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


def _ranks(projected: Tensor) -> Tensor:
    """Indices that sort each row, ties in order of index."""
    if projected.device.type != "cpu":
        return projected.argsort(dim=1, stable=True)
    if projected.dtype != torch.float32:
        return _rowwise(lambda rows: np.argsort(rows, axis=1, kind="stable"), projected)
    return _rowwise(_argsort_float32, projected)


def _argsort_float32(rows: np.ndarray) -> np.ndarray:
    """Radix sort by two halves of 16 bits, for which NumPy's stable argsort is a counting sort.

    Several times faster than sorting floats where AVX-512 sorts are slow or absent.
    """
    bits = rows.view(np.int32)
    # Floats order as integers once the magnitude bits of negative ones are flipped.
    keys = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    low, high = keys.astype(np.uint16), (keys >> 16).astype(np.int16)
    by_low = torch.from_numpy(np.argsort(low, axis=1, kind="stable"))
    high = torch.from_numpy(high).gather(1, by_low).numpy()
    by_high = torch.from_numpy(np.argsort(high, axis=1, kind="stable"))
    return by_low.gather(1, by_high).numpy()


def _rowwise(function: Callable[[np.ndarray], np.ndarray], rows: Tensor) -> Tensor:
    """Apply a NumPy function to rows: its sorts beat torch's on the CPU, and release the GIL."""
    threads = min(torch.get_num_threads(), len(rows))
    array = rows.detach().numpy()
    if threads == 1:
        return torch.from_numpy(function(array))
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(function, np.array_split(array, threads)))
    return torch.from_numpy(np.concatenate(parts))


def _blocks(directions: Tensor, size: int) -> Iterator[Tensor]:
    return iter(directions.split(max(1, BLOCK_ELEMENTS // size)))


def _check_clouds(x: Tensor, y: Tensor, directions: Tensor) -> None:
    for name, cloud in (("x", x), ("target", y), ("directions", directions)):
        if cloud.ndim != 2 or not len(cloud):
            raise InputError(
                f"{name} has shape {tuple(cloud.shape)}: needed is a non-empty (n, d) tensor; "
                "flatten events such as images first."
            )
    if not x.shape[1] == y.shape[1] == directions.shape[1]:
        raise InputError(
            f"dimensions differ: x has {x.shape[1]}, target {y.shape[1]}, "
            f"directions {directions.shape[1]}."
        )
