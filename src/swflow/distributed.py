"""More than one process: each takes a share of the directions, and drifts are summed.

Every process holds all particles and draws the same random numbers, so that all of them walk
through the same flow; only sums over directions are exchanged. torchrun starts them.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from swflow.errors import InputError
from swflow.sliced.blocks import Directions
from swflow.termination import TerminatedError


@dataclass(frozen=True)
class Group:
    """One process (`rank`) among `size`."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def leads(self) -> bool:
        """Whether this process writes products and shows progress."""
        return self.rank == 0

    def share(self, directions: Directions) -> Directions:
        """The directions (or blocks of structured ones) that this process takes: every size-th."""
        return directions[self.rank :: self.size]

    def mean(self, values: Tensor, share: float) -> Tensor:
        """Sum over processes of `values · share`, in place: a mean weighted by shares."""
        if self.size > 1 and values.numel():
            dist.all_reduce(values.mul_(share))
        return values

    def agree(self, decision: bool) -> bool:
        """The decision of the process that leads."""
        if self.size > 1:
            told = torch.tensor([decision], dtype=torch.uint8, device=self.device)
            dist.broadcast(told, src=0)
            return bool(told)
        return decision


ALONE = Group()


@contextmanager
def process_group(device: str) -> Iterator[Group]:
    """The processes that torchrun started (without it: this one), until the block ends."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    cuda = device.startswith("cuda")
    if cuda and not dist.is_nccl_available():
        raise InputError(f"--device {device} with {size} processes needs NCCL, which is not here.")
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Group(dist.get_rank(), dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()


def local_device(device: str) -> str:
    """With several processes on GPUs: each its own."""
    rank = os.environ.get("LOCAL_RANK")
    if device == "cuda" and rank is not None:
        device = f"cuda:{rank}"
        torch.cuda.set_device(device)
    return device


def started_by_torchrun() -> bool:
    """Whether this is one of the processes already."""
    return "WORLD_SIZE" in os.environ


def start_processes(n: int, arguments: Sequence[str]) -> None:
    """Run `swflow` with these arguments as n processes of this machine, and wait for them.

    They share the threads that one would have. Raises InputError where one fails: it has said why;
    TerminatedError after SIGTERM, which they are told of, too.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    os.environ["OMP_NUM_THREADS"] = str(max(1, threads // n))
    try:
        run.main(["--standalone", f"--nproc-per-node={n}", "-m", "swflow.cli", *arguments])
    except ChildFailedError as error:
        raise InputError(f"one of {n} processes failed; it said why above.") from error
    except SignalException as error:
        raise TerminatedError(f"{n} processes were told to stop; they said above how") from error
