"""Model units: exact, and found and applied a slice at a time."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from swflow.representation import affine
from swflow.representation.affine import Affine
from swflow.settings import ArraySettings
from swflow.stages.prepare import prepare
from swflow.store.dataset import read_dataset


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(3, 5, size=(500, 4, 6))


def test_rows_have_mean_zero_and_unit_variance_on_average(rows: np.ndarray) -> None:
    units = Affine.from_rows(rows)
    model = units.encode(rows)
    assert (units.event_shape, units.dim) == ((4, 6), 24)
    assert units.value_range == (rows.min(), rows.max())
    assert model.dtype == np.float32
    flat = model.reshape(500, -1).astype(np.float64)
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-6)
    assert np.trace(np.cov(flat.T, bias=True)) / 24 == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(units.decode(model), rows, rtol=1e-5, atol=1e-5)


def test_slices_change_nothing_but_rounding(
    rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Affine.from_rows(rows)
    monkeypatch.setattr(affine, "SLICE_NUMBERS", 24 * 7)
    assert max(map(len, affine.slices(rows))) == 7
    parts = Affine.from_rows(rows)
    np.testing.assert_allclose(parts.shift, whole.shift, rtol=1e-13)
    assert parts.scale == pytest.approx(whole.scale, rel=1e-13)


def test_units_are_json(rows: np.ndarray) -> None:
    units = Affine.from_rows(rows)
    again = Affine.from_json(units.to_json())
    np.testing.assert_array_equal(again.encode(rows), units.encode(rows))


def test_a_file_is_prepared_without_a_copy_of_it_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float64 the rows alone would take 64 MB; 48 bytes a number of a slice and its copies."""
    slice_numbers = 2**17
    monkeypatch.setattr(affine, "SLICE_NUMBERS", slice_numbers)
    numbers = np.random.default_rng(0).integers(256, size=(80_000, 100), dtype=np.uint8)
    np.save(tmp_path / "rows.npy", numbers)
    settings = ArraySettings(path=tmp_path / "rows.npy")
    prepare(settings, "warm", tmp_path / "warm.h5")  # what is imported and kept does not count
    del numbers
    tracemalloc.start()
    prepare(settings, "rows", tmp_path / "rows.h5")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 48 * slice_numbers + 8 * 80_000 * 3  # and three orders of all rows
    data = read_dataset(tmp_path / "rows.h5")
    assert [data.size(split) for split in data.splits] == [56_000, 12_000, 12_000]
