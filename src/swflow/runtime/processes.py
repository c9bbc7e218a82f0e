"""Starting several processes for one simulation, by torchrun, and joining their group."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from swflow.runtime.errors import InputError
from swflow.runtime.termination import TerminatedError, remember


@contextmanager
def joined_group(device: str) -> Iterator[tuple[int, int]]:
    """Number of the process, and how many torchrun started, until the block ends: 0, 1 alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield 0, 1
        return
    import torch.distributed as dist

    cuda = device.startswith("cuda")
    if cuda and not dist.is_nccl_available():
        raise InputError(f"--device {device} with {size} processes needs NCCL, which is not here.")
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield dist.get_rank(), dist.get_world_size()
    finally:
        dist.destroy_process_group()


def local_device(device: str) -> str:
    """With several processes on GPUs: each its own."""
    import torch

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
    TerminatedError after SIGTERM or Ctrl-C, which they are told of, too.
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
        remember(error.sigval)
        raise TerminatedError(f"{n} processes were told to stop; they said above how") from error
