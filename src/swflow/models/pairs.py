"""Training pairs of the stores of a flow: held in memory, or streamed through a pool of rows."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from swflow.flow.trajectory import Trajectory
from swflow.randomness import keyed_generator

# Rows `(n, d)` of a cloud of one run, read when asked for.
Cloud = Callable[[slice], np.ndarray]
GIB = 2**30


class TimePair(NamedTuple):
    """From an input cloud at time `start` to a goal cloud at `end`, drawn in parts of `weight`."""

    input: int
    goal: int
    start: float
    end: float
    weight: float


class RunPairs(NamedTuple):
    """What one run teaches: clouds, and how they belong together."""

    clouds: Sequence[Cloud]
    pairs: Sequence[TimePair]


class Batch(NamedTuple):
    """Inputs and goals `(b, d)` of a step, with where they are from.

    run: number of the run `(b,)`; pair: number of the time pair `(b,)`; row: row number `(b,)`.
    """

    inputs: Tensor
    goals: Tensor
    run: Tensor
    pair: Tensor
    row: Tensor


class PairDataset:
    """Pairs of all runs of a flow.

    Runs whose clouds take more than `pool_gib` are not held: blocks of rows, of every cloud, pass
    through a pool, each replaced after so many steps that all have been there by the end (where
    there are that many). The pool of a step depends on that step alone, so that a training that
    goes on sees what an uninterrupted one would have seen.
    """

    def __init__(
        self,
        runs: Sequence[Trajectory],
        of_runs: Sequence[RunPairs],
        *,
        pool_gib: float,
        steps: int,
        seed: int,
        device: str,
    ) -> None:
        self.clouds = [each.clouds for each in of_runs]
        self.pairs = of_runs[0].pairs  # all runs of a flow have the same times
        self.device = device
        n, dim = runs[0].shape
        row_bytes = 4 * dim * len(self.clouds) * len(self.clouds[0])
        self.size = min(runs[0].store.block_rows, n)
        in_all = -(-n // self.size)
        self.streams = row_bytes * n > pool_gib * GIB
        if self.streams:
            self.begins = [min(k * self.size, n - self.size) for k in range(in_all)]
            order = torch.randperm(in_all, generator=keyed_generator(seed, "pool"))
            self.order, self.every = order.tolist(), max(1, steps // in_all)
            # One block less than there is room for: another is read ahead.
            held = max(1, int(pool_gib * GIB) // (row_bytes * self.size) - 1)
        else:
            self.begins, self.size, self.order, held, self.every = [0], n, [0], 1, steps
        self.pool: list[int] = [-1] * held  # number of the block in each place
        shape = (len(self.clouds), len(self.clouds[0]), held * self.size, dim)
        self.held = torch.empty(shape, device=device)
        self.rows = torch.empty(held * self.size, dtype=torch.long)
        self.ahead: tuple[int, Future[None]] | None = None
        self.reader = ThreadPoolExecutor(1, "swflow-pairs")
        self.inputs, self.goals = torch.tensor(
            [[pair.input, pair.goal] for pair in self.pairs], device=device
        ).T
        self.weight = torch.tensor([pair.weight for pair in self.pairs])

    def batch(self, size: int, step: int, generator: Generator) -> Batch:
        """Pairs drawn over all runs, time pairs and rows that the pool of a step holds."""
        self._refill(step)
        run = torch.randint(len(self.clouds), (size,), generator=generator)
        place = torch.randint(len(self.rows), (size,), generator=generator)
        pair = torch.multinomial(self.weight, size, replacement=True, generator=generator)
        row = self.rows[place]
        run, place, pair = (index.to(self.device) for index in (run, place, pair))
        inputs = self.held[run, self.inputs[pair], place]
        return Batch(inputs, self.held[run, self.goals[pair], place], run, pair, row)

    def _refill(self, step: int) -> None:
        """Bring the blocks of a step into the pool, and begin to read the next one."""
        first = step // self.every
        for number in range(first, first + len(self.pool)):
            block, place = self.order[number % len(self.order)], number % len(self.pool)
            if self.pool[place] != block:
                self._place(place, block)
        if self.streams and self.ahead is None:
            block = self.order[(first + len(self.pool)) % len(self.order)]
            self.ahead = block, self.reader.submit(self._read, block)

    def _place(self, place: int, block: int) -> None:
        """Put a block, which may have been read ahead, into a place of the pool."""
        number, reading = self.ahead or (None, None)
        self.ahead = None
        if reading is not None:
            reading.result()
        if number != block:
            self._read(block)
        at = slice(place * self.size, (place + 1) * self.size)
        self.held[:, :, at] = torch.from_numpy(self._room).to(self.device)
        self.rows[at] = self.begins[block] + torch.arange(self.size)
        self.pool[place] = block

    def _read(self, block: int) -> None:
        """Rows of every cloud of every run. Without torch, whose threads would stay and spin."""
        rows = slice(self.begins[block], self.begins[block] + self.size)
        for clouds, room in zip(self.clouds, self._room, strict=True):
            for cloud, place in zip(clouds, room, strict=True):
                place[:] = cloud(rows)

    @cached_property
    def _room(self) -> np.ndarray:
        """Where a block is read to, `(runs, clouds, size, d)`: all of them into the pool itself."""
        if not self.streams and self.held.device.type == "cpu":
            whole: np.ndarray = self.held.numpy()
            return whole
        return np.empty((*self.held.shape[:2], self.size, self.held.shape[3]), np.float32)
