"""Training pairs: held in memory, or streamed through a pool, the same whatever interrupts."""

from collections import Counter

import numpy as np
import pytest
import torch

from swflow.models.pairs import GIB, PairDataset, RunPairs, TimePair
from swflow.randomness import keyed_generator

N, DIM, BLOCK, STEPS = 1000, 2, 64, 640


class Store:
    block_rows = BLOCK


class Numbered:
    """A run whose clouds hold, in each row, the number of the cloud and of the row."""

    shape = (N, DIM)
    store = Store()

    def __init__(self) -> None:
        self.read: list[tuple[int, slice]] = []

    def pairs_of(self) -> RunPairs:
        return RunPairs(
            [self.cloud(k) for k in range(3)],
            [TimePair(0, 1, 0.0, 1.0, 1.0), TimePair(0, 2, 0.0, 2.0, 3.0)],
        )

    def cloud(self, number: int) -> object:
        rows = np.stack([np.full(N, number), np.arange(N)], axis=1).astype(np.float32)

        def read(asked: slice) -> np.ndarray:
            self.read.append((number, asked))
            return rows[asked]

        return read


def pairs(blocks: int | None, run: Numbered | None = None, steps: int = STEPS) -> PairDataset:
    """With room for so many blocks of rows of every cloud; None: for all."""
    run = run or Numbered()
    pool = 1.0 if blocks is None else 4 * DIM * 3 * BLOCK * (blocks + 0.5) / GIB
    found = PairDataset(
        [run],
        [run.pairs_of()],  # type: ignore[list-item]
        pool_gib=pool,
        steps=steps,
        seed=0,
        device="cpu",
    )
    assert found.streams == (blocks is not None)
    return found


def drawn(data: PairDataset, step: int, size: int = 200) -> torch.Tensor:
    batch = data.batch(size, step, keyed_generator("batch", step))
    assert torch.equal(batch.inputs[:, 1], batch.row.float())
    assert torch.equal(batch.goals[:, 1], batch.row.float())  # the same row later
    assert torch.equal(batch.goals[:, 0], 1.0 + batch.pair)
    assert float(batch.inputs[:, 0].abs().max()) == 0
    return batch.row


@pytest.mark.parametrize("blocks", [None, 1, 2, 5])
def test_rows_of_a_pair_belong_together(blocks: int | None) -> None:
    data = pairs(blocks)
    for step in range(0, STEPS, 7):
        drawn(data, step)


def test_small_stores_are_read_once() -> None:
    run = Numbered()
    data = pairs(None, run)
    for step in range(STEPS):
        drawn(data, step, 4)
    assert [number for number, _ in run.read] == [0, 1, 2]


def test_time_pairs_come_in_their_weights() -> None:
    data, counts = pairs(None), Counter[int]()
    for step in range(20):
        counts.update(data.batch(200, step, keyed_generator("w", step)).pair.tolist())
    # 4,000 draws of probability ¾: standard deviation .7 %.
    assert counts[1] / 4000 == pytest.approx(0.75, abs=0.03)


def test_a_pool_passes_every_row_and_holds_no_more_than_it_may() -> None:
    run, size = Numbered(), 200
    data, seen = pairs(3, run), Counter[int]()
    assert data.held.shape == (1, 3, 2 * BLOCK, DIM)  # and one is read ahead
    for step in range(STEPS):
        seen.update(drawn(data, step, size).tolist())
    # Of rows in the two blocks that overlap there are twice as many.
    few, expected = np.array([seen[row] for row in range(N)]), STEPS * size / (16 * BLOCK)
    assert few.min() > expected - 6 * np.sqrt(expected)
    blocks = -(-N // BLOCK)
    assert blocks <= len(run.read) / 3 <= blocks + 4


@pytest.mark.parametrize("blocks", [None, 1, 4])
def test_a_step_sees_the_same_pairs_whatever_came_before(blocks: int | None) -> None:
    """So that a training that goes on ends with the bytes of an uninterrupted one."""
    walked, jumped = pairs(blocks), pairs(blocks)
    for step in range(STEPS):
        rows = drawn(walked, step, 20)
        if step in (0, 1, 333, STEPS - 1):
            assert torch.equal(rows, drawn(jumped, step, 20))


def test_seeds_stream_in_another_order() -> None:
    first = pairs(2)
    run = Numbered()
    other = PairDataset(
        [run],
        [run.pairs_of()],  # type: ignore[list-item]
        pool_gib=4 * DIM * 3 * BLOCK * 2.5 / GIB,
        steps=STEPS,
        seed=1,
        device="cpu",
    )
    assert first.order != other.order
