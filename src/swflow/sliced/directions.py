"""Directions to project on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.errors import InputError


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
    q, r = torch.linalg.qr(normal.mT)
    # QR alone is not Haar: the signs of R's diagonal must be made uniform (Mezzadri 2007).
    return (q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)).mT


def evaluation_directions(n: int, dim: int, generator: torch.Generator) -> Tensor:
    """Directions `(·, dim)` to measure along: n in whole orthonormal blocks, or part of one."""
    return random_directions(-(-n // dim) * dim if n > dim else n, dim, generator=generator)


@dataclass(frozen=True)
class StructuredDirections:
    """Blocks of d orthonormal directions by fast transforms, never written out as matrices.

    Each block is HS₃HS₂HS₁, S diagonal with random signs and H the discrete Hartley transform:
    exactly orthogonal in any dimension, nearly Haar, and O(d log d) a point instead of O(d²) (after
    Choromanski et al. 2017, where H is Hadamard's). signs: `(B, 3, d)`.
    """

    signs: Tensor

    @classmethod
    def random(
        cls, n: int, dim: int, generator: torch.Generator, dtype: torch.dtype
    ) -> "StructuredDirections":
        """Draw `n` directions, a multiple of `dim`. Raises InputError otherwise."""
        if n % dim:
            raise InputError(
                f"structured directions come in blocks of {dim}: n_directions = {n} is no multiple."
            )
        bits = torch.randint(
            2, (n // dim, 3, dim), generator=generator, device=generator.device, dtype=dtype
        )
        return cls(2 * bits - 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of directions and dimension."""
        blocks, _, dim = self.signs.shape
        return blocks * dim, dim

    @property
    def ndim(self) -> int:
        """As of a matrix."""
        return 2

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, blocks: slice) -> "StructuredDirections":
        """Some of the blocks."""
        return StructuredDirections(self.signs[blocks])

    def project(self, x: Tensor) -> Tensor:
        """Projections of x `(n, d)` on the directions of a single block: `(d, n)`."""
        for signs in self.signs[0]:
            x = hartley(x * signs)
        return x.T.contiguous()

    def back(self, moved: Tensor) -> Tensor:
        """Sum over directions of displacement times direction: `(d, n)` -> `(n, d)`."""
        x = moved.T
        for signs in self.signs[0].flip(0):
            x = hartley(x) * signs  # the Hartley transform is its own inverse
        return x


def hartley(x: Tensor) -> Tensor:
    """Orthonormal discrete Hartley transform of each row: Σ x_j (cos + sin)(2πjk/d) / √d."""
    dim = x.shape[-1]
    spectrum = torch.fft.rfft(x, norm="ortho")
    low = spectrum.real - spectrum.imag
    high = (spectrum.real + spectrum.imag)[..., 1 : (dim + 1) // 2]
    return torch.cat([low, high.flip(-1)], dim=-1)
