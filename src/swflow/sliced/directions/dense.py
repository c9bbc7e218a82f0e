"""Directions written out as a matrix: independent ones, or orthonormal blocks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from swflow.runtime.errors import InputError
from swflow.settings.slicing import IndependentSettings, OrthonormalSettings
from swflow.sliced.directions.base import Directions

NARROW = 16
# Numbers in the projections of one block, about: on the CPU few enough for its caches.
BLOCK_ELEMENTS = {"cpu": 2**22, "cuda": 2**27}


@dataclass(frozen=True)
class DenseDirections:
    """Unit vectors as rows of a matrix `(L, d)`."""

    rows: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Number of directions and dimension."""
        n, dim = self.rows.shape
        return n, dim

    def __len__(self) -> int:
        return len(self.rows)

    def share(self, rank: int, size: int) -> Self:
        """Every size-th direction."""
        return type(self)(self.rows[rank::size])

    def blocks(self, size: int) -> Iterator[Self]:
        """As many at a time as fill a block."""
        elements = BLOCK_ELEMENTS.get(self.rows.device.type, BLOCK_ELEMENTS["cpu"])
        return (type(self)(rows) for rows in self.rows.split(max(1, elements // size)))

    def project(self, x: Tensor) -> Tensor:
        """A matrix product."""
        return self.rows @ x.T

    def add_back(self, total: Tensor, moved: Tensor) -> None:
        """Another, added in place."""
        if total.shape[1] < NARROW:  # products with a narrow result are slow
            total += (self.rows.T @ moved).T
        else:
            total.addmm_(moved.T, self.rows)


def as_directions(directions: Tensor | Directions) -> Directions:
    """A matrix `(L, d)` of unit vectors as directions; directions as they are.

    Raises InputError for a tensor of another shape.
    """
    if not isinstance(directions, Tensor):
        return directions
    if directions.ndim != 2 or not len(directions):
        raise InputError(
            f"directions has shape {tuple(directions.shape)}: needed is a non-empty (L, d) tensor."
        )
    return DenseDirections(directions)


def orthonormal(
    settings: OrthonormalSettings,
    n: int,
    event_shape: tuple[int, ...],
    generator: Generator,
    dtype: torch.dtype,
) -> DenseDirections:
    """Draw n uniform directions of events of a shape, in orthonormal blocks."""
    dim = math.prod(event_shape)
    return DenseDirections(random_directions(n, dim, generator=generator, dtype=dtype))


def independent(
    settings: IndependentSettings,
    n: int,
    event_shape: tuple[int, ...],
    generator: Generator,
    dtype: torch.dtype,
) -> DenseDirections:
    """Draw n independent uniform directions of events of a shape."""
    dim = math.prod(event_shape)
    rows = random_directions(n, dim, orthonormal=False, generator=generator, dtype=dtype)
    return DenseDirections(rows)


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

    With `orthonormal`, consecutive blocks of `dim` rows are Haar-distributed orthogonal matrices
    (the last block may be cut short): where `dim` divides `n` the mean of θθᵀ is exactly I/dim,
    and a drift moves means exactly.

    Returns: `(n, dim)`. Raises ValueError if `n` or `dim` is below 1.
    """
    if n < 1 or dim < 1:
        raise InputError(f"random_directions needs n >= 1 and dim >= 1, got n={n}, dim={dim}.")
    drawn_on = generator.device if generator is not None else device
    normal = torch.randn(n, dim, generator=generator, device=drawn_on, dtype=dtype)
    if not orthonormal:
        return (normal / normal.norm(dim=1, keepdim=True)).to(device=device)
    whole = n - n % dim
    parts = [_orthonormal_rows(normal[:whole].reshape(-1, dim, dim)).reshape(whole, dim)]
    if whole < n:
        parts.append(_orthonormal_rows(normal[whole:]))
    return torch.cat(parts).to(device=device)


def _orthonormal_rows(normal: Tensor) -> Tensor:
    """Haar-distributed orthonormal rows `(..., k, d)`, k ≤ d, from independent normal numbers."""
    if normal.shape[-1] == 1:
        return normal.sign()
    q, r = torch.linalg.qr(normal.mT)
    # QR alone is not Haar: the signs of R's diagonal must be made uniform (Mezzadri 2007).
    return (q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)).mT
