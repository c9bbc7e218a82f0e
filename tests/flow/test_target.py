"""Targets in fresh subsets: every row has its chance, each class draws its own."""

from pathlib import Path

import h5py
import pytest
import torch

from swflow import FlowSettings, simulate
from swflow.flow.target import RUN_ROWS, StoredRows, class_sizes, fresh_subset, fresh_subsets
from swflow.randomness import keyed_generator
from tests.helpers import normal


def test_subsets_give_every_row_the_same_chance() -> None:
    rows = torch.arange(5 * RUN_ROWS + 10.0)[:, None]
    counts = torch.zeros(len(rows))
    for step in range(600):
        counts[fresh_subset(rows, 2 * RUN_ROWS, keyed_generator("y", step))[:, 0].long()] += 1
    # Binomial, p about 2/6: standard deviation .019 of a frequency.
    assert float((counts / 600 - counts.mean() / 600).abs().max()) < 5 * 0.02


def test_each_class_draws_its_own_subset_without_replacement() -> None:
    label = torch.arange(1000) % 3
    rows = torch.stack([torch.arange(1000.0), label.float()], dim=1)
    sizes = class_sizes(label, 300)
    assert sizes == {0: 100, 1: 100, 2: 100}
    first, second = (
        fresh_subsets(rows, label, sizes, keyed_generator("x", step)) for step in range(2)
    )
    for known, drawn in first.items():
        assert len(drawn[:, 0].unique()) == sizes[known]
        assert set(drawn[:, 1].tolist()) == {known}
        assert not torch.equal(drawn, second[known])


def test_classes_are_read_from_a_file_as_from_memory(tmp_path: Path) -> None:
    """The last run is shorter than others, and of some runs no row is wanted."""
    label = torch.arange(5 * RUN_ROWS + 3) % 4
    rows = normal(len(label), 2, 0)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        stored = StoredRows(file.create_dataset("x", data=rows.numpy()), "cpu")
        for sizes in ({0: 5, 3: 1}, {k: int((label == k).sum()) for k in range(4)}):
            found, expected = (
                fresh_subsets(of, label, sizes, keyed_generator("x")) for of in (stored, rows)
            )
            assert list(found) == list(sizes)
            assert all(torch.equal(found[known], expected[known]) for known in sizes)


def test_shares_of_a_batch_are_those_of_the_classes_and_none_is_empty() -> None:
    label = torch.tensor([5] * 990 + [7] * 9 + [9])
    assert class_sizes(label, 100) == {5: 99, 7: 1, 9: 1}


def test_a_class_with_too_few_rows_is_named() -> None:
    rows, label = torch.zeros(10, 2), torch.tensor([0] * 8 + [1] * 2)
    with pytest.raises(ValueError, match="share of class 1 = 3, but the target has 2 rows"):
        fresh_subsets(rows, label, {0: 5, 1: 3}, keyed_generator("x"))


def test_classes_flow_to_subsets_of_their_own_rows() -> None:
    """With all rows in the batch it is the flow without one; with few each class still arrives."""
    label = torch.arange(400) % 2
    target = torch.where(label[:, None] == 1, 5.0, -5.0) + 0.1 * normal(400, 2, 1)

    def end(batch: int | None) -> torch.Tensor:
        settings = FlowSettings(times=[8], step=0.5, n_directions=8, target_batch=batch)
        *_, last = simulate(
            normal(400, 2, 0),
            target,
            settings,
            generator=torch.Generator().manual_seed(0),
            source_labels=label,
            target_labels=label,
        )
        return last.particles

    torch.testing.assert_close(end(400), end(None))
    few = end(64)
    for known, centre in ((0, -5.0), (1, 5.0)):
        # Means of 32 rows of spread .1 scatter by .018; the flow averages over many of them.
        assert (few[label == known].mean(dim=0) - centre).abs().max() < 0.05
