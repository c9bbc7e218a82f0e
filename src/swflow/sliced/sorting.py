"""Sorting rows of projections: where sliced transport spends its time.

On the CPU single-precision rows are sorted by a radix sort (compiled by Numba): 5 ns a number with
ranks, as fast as NumPy's fastest values-only sort and ten times as fast as torch's, on any
processor. Other precisions, and GPUs, use torch.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

# Numbers from which on it is worth loading the compiled kernels, which takes half a second.
WORTH_LOADING = 1 << 18


def sorted_rows(x: Tensor, *, overwrite: bool = False) -> Tensor:
    """Each row of x `(L, n)` in increasing order; differentiable where x is.

    `overwrite`: x is not needed any more, and its memory may hold the result.
    """
    if not _radix(x):
        return x.sort(dim=1).values
    if x.numel() < WORTH_LOADING:
        return torch.from_numpy(np.sort(x.numpy(), axis=1))
    from swflow.sliced import radix  # compiles: only where it is used

    ordered = _result(x, overwrite)
    _in_threads(radix.sort, x, ordered)
    return ordered


def displaced(
    x: Tensor, goals: Tensor, keep_order: bool, *, overwrite: bool = False
) -> tuple[Tensor, Tensor | None]:
    """How far each number is from the goal of its rank; ties rank in order of index.

    x, goals: `(L, n)`, goals by rank. Returns the displacements `(L, n)` in the order of x and,
    if asked for, the sorted rows. `overwrite`: as above.
    """
    if _radix(x):
        from swflow.sliced import radix

        out = _result(x, overwrite)
        ordered = torch.empty_like(out) if keep_order else out.new_empty(len(x), 0)
        _in_threads(radix.displace, x, goals, out, ordered)
        return out, ordered if keep_order else None
    found, order = x.sort(dim=1, stable=True)
    return torch.empty_like(x).scatter_(1, order, goals) - x, found if keep_order else None


def _result(x: Tensor, overwrite: bool) -> Tensor:
    """Where kernels, which read a row before they write it, put their rows."""
    if overwrite and x.is_contiguous():
        return x
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _radix(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and not x.requires_grad


def _in_threads(kernel: Callable[..., None], *rows: Tensor) -> None:
    """Run a kernel, which releases the GIL, on equal shares of rows; one in this thread."""
    arrays = [t.contiguous().numpy() for t in rows]
    threads = min(torch.get_num_threads(), len(arrays[0]))
    own, *others = zip(*(np.array_split(a, threads) for a in arrays), strict=True)
    waiting = [_pool(threads - 1).submit(kernel, *share) for share in others]
    kernel(*own)
    for share in waiting:
        share.result()


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that are kept: starting them takes longer than sorting a small cloud."""
    return ThreadPoolExecutor(threads, "swflow-sort")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has no threads
