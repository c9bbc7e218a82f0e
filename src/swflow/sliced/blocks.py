"""Directions are processed in blocks, so that memory does not grow with their number."""

from collections.abc import Iterator

from torch import Tensor

from swflow.errors import InputError
from swflow.sliced.directions import StructuredDirections

Directions = Tensor | StructuredDirections

NARROW = 16
# Numbers in the projections of one block, about: on the CPU few enough for its caches.
BLOCK_ELEMENTS = {"cpu": 2**22, "cuda": 2**27}


def blocks(directions: Directions, size: int) -> Iterator[Directions]:
    """Consecutive directions whose projections of `size` points fill a block.

    Structured directions come d at a time: their projections are as large as the cloud itself.
    """
    if isinstance(directions, StructuredDirections):
        return (directions[k : k + 1] for k in range(len(directions.signs)))
    elements = BLOCK_ELEMENTS.get(directions.device.type, BLOCK_ELEMENTS["cpu"])
    return iter(directions.split(max(1, elements // size)))


def project(x: Tensor, block: Directions) -> Tensor:
    """Projections of x `(n, d)` on one block of L directions: `(L, n)`."""
    if isinstance(block, StructuredDirections):
        return block.project(x) if len(x) else x.new_zeros(len(block), 0)
    return block @ x.T


def add_back(total: Tensor, moved: Tensor, block: Directions) -> None:
    """Add displacements `(L, n)` times directions to the total `(n, d)`."""
    if isinstance(block, StructuredDirections):
        total += block.back(moved)
    elif total.shape[1] < NARROW:  # products with a narrow result are slow
        total += (block.T @ moved).T
    else:
        total.addmm_(moved.T, block)


def check_clouds(x: Tensor, y: Tensor, directions: Directions) -> None:
    """Raise InputError on empty clouds and shapes that do not match."""
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
