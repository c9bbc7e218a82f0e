"""Directions that are never written out: blocks of d by fast transforms."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from swflow.runtime.errors import InputError
from swflow.settings.slicing import StructuredSettings


@dataclass(frozen=True)
class StructuredDirections:
    """Blocks of d orthonormal directions by fast transforms, never written out as matrices.

    Each block is HS₃HS₂HS₁, S diagonal with random signs and H the discrete Hartley transform:
    exactly orthogonal in any dimension, nearly Haar, and O(d log d) a point instead of O(d²) (after
    Choromanski et al. 2017, where H is Hadamard's). signs: `(B, 3, d)`.
    """

    signs: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Number of directions and dimension."""
        blocks, _, dim = self.signs.shape
        return blocks * dim, dim

    def __len__(self) -> int:
        return self.shape[0]

    def share(self, rank: int, size: int) -> Self:
        """Every size-th block."""
        return type(self)(self.signs[rank::size])

    def blocks(self, size: int) -> Iterator[Self]:
        """One block of d directions at a time: its projections are as large as the cloud itself."""
        return (type(self)(self.signs[k : k + 1]) for k in range(len(self.signs)))

    def project(self, x: Tensor) -> Tensor:
        """Three rounds of signs and transforms: `(n, d)` -> `(d, n)`."""
        if not len(x):
            return x.new_zeros(x.shape[1], 0)
        for signs in self.signs[0]:
            x = hartley(x * signs)
        return x.T.contiguous()

    def add_back(self, total: Tensor, moved: Tensor) -> None:
        """The same rounds backwards."""
        x = moved.T
        for signs in self.signs[0].flip(0):
            x = hartley(x) * signs  # the Hartley transform is its own inverse
        total += x


def structured(
    settings: StructuredSettings,
    n: int,
    event_shape: tuple[int, ...],
    generator: Generator,
    dtype: torch.dtype,
) -> StructuredDirections:
    """Draw n directions of events of a shape, a multiple of its dimension.

    Raises InputError for any other number.
    """
    dim = math.prod(event_shape)
    if n % dim:
        raise InputError(
            f"structured directions come in blocks of {dim}: n_directions = {n} is no multiple."
        )
    bits = torch.randint(
        2, (n // dim, 3, dim), generator=generator, device=generator.device, dtype=dtype
    )
    return StructuredDirections(2 * bits - 1)


def hartley(x: Tensor) -> Tensor:
    """Orthonormal discrete Hartley transform of each row: Σ x_j (cos + sin)(2πjk/d) / √d.

    x: `(..., d)`; returns the same shape. Symmetric and its own inverse (Bracewell 1983).
    """
    dim = x.shape[-1]
    spectrum = torch.fft.rfft(x, norm="ortho")
    low = spectrum.real - spectrum.imag
    high = (spectrum.real + spectrum.imag)[..., 1 : (dim + 1) // 2]
    return torch.cat([low, high.flip(-1)], dim=-1)
