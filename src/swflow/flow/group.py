"""The processes that share the directions of one flow, each taking its part of every drift.

Every process holds all particles and draws the same random numbers, so that all of them walk
through the same flow; only sums over directions are exchanged.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.sliced.directions.base import Directions


@dataclass(frozen=True)
class Group:
    """One process (`rank`) among `size`, with its tensors on `device`."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def leads(self) -> bool:
        """Whether this process writes products and shows progress."""
        return self.rank == 0

    def share(self, directions: Directions) -> Directions:
        """The directions that this process takes: every size-th part of them."""
        return directions.share(self.rank, self.size)

    def mean(self, values: Tensor, share: float) -> Tensor:
        """Sum over processes of `values · share`, in place: a mean weighted by shares."""
        if self.size > 1 and values.numel():
            from torch.distributed import all_reduce

            all_reduce(values.mul_(share))
        return values

    def agree(self, decision: bool) -> bool:
        """The decision of the process that leads."""
        if self.size > 1:
            from torch.distributed import broadcast

            agreed = torch.tensor([decision], dtype=torch.uint8, device=self.device)
            broadcast(agreed, src=0)
            return bool(agreed)
        return decision


ALONE = Group()
