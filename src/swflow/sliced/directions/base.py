"""What every family of directions can do: be shared out, taken in blocks, projected on."""

from collections.abc import Iterator
from typing import Protocol, Self

from torch import Tensor

from swflow.runtime.errors import InputError


class Directions(Protocol):
    """L unit vectors of R^d, however they are written."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of directions and dimension: `(L, d)`."""

    def __len__(self) -> int:
        """Number of directions."""

    def share(self, rank: int, size: int) -> Self:
        """Those that process `rank` of `size` takes: together, all of them, each once."""

    def blocks(self, size: int) -> Iterator[Self]:
        """Consecutive directions whose projections of `size` points fit into memory together."""

    def project(self, x: Tensor) -> Tensor:
        """Projections of x `(n, d)`, of one block: `(L, n)`, in memory of their own."""

    def add_back(self, total: Tensor, moved: Tensor) -> None:
        """Add displacements `(L, n)` times directions to the total `(n, d)`, of one block."""


def check_clouds(x: Tensor, y: Tensor, directions: Directions) -> None:
    """Raise InputError on empty clouds and shapes that do not match."""
    for name, cloud in (("x", x), ("target", y)):
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
