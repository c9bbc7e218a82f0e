"""Datasets: laws, files of the user, model units, and what is refused."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from swflow.datasets.make import RawRows, make_dataset
from swflow.runtime.errors import InputError
from swflow.settings import (
    ArraySettings,
    CheckerboardSettings,
    DigitsSettings,
    EightGaussiansSettings,
    GaussianSettings,
    MoonsSettings,
    SwissRollSettings,
)
from swflow.stages.prepare import prepare, write_splits
from swflow.store.dataset import read_dataset

SMALL = {"n_train": 4000, "n_heldout": 300, "n_test": 200}
PLANAR = [
    EightGaussiansSettings(**SMALL),
    CheckerboardSettings(**SMALL),
    SwissRollSettings(**SMALL),
    MoonsSettings(**SMALL),
]


@pytest.mark.parametrize("settings", PLANAR, ids=lambda s: s.kind)
def test_planar_splits_are_different_draws_in_model_units(
    settings: MoonsSettings, tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    write_splits(make_dataset(settings), "a", path)
    dataset = read_dataset(path)
    assert [len(dataset.rows(s)) for s in ("train", "heldout", "test")] == [4000, 300, 200]
    train = dataset.rows("train")
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
    assert np.trace(np.cov(train.T, bias=True)) / 2 == pytest.approx(1, rel=1e-5)
    assert not np.isin(dataset.rows("test")[:, 0], train[:, 0]).all()
    assert (dataset.splits["train"].y is not None) == settings.labelled
    raw = make_dataset(settings)["test"].x
    np.testing.assert_allclose(dataset.units.decode(dataset.rows("test")), raw, atol=1e-4)


@pytest.mark.parametrize("settings", PLANAR, ids=lambda s: s.kind)
def test_same_settings_same_bytes_and_sizes_do_not_mix(settings: MoonsSettings) -> None:
    first, second = make_dataset(settings), make_dataset(settings)
    np.testing.assert_array_equal(first["train"].x, second["train"].x)
    other = make_dataset(settings.model_copy(update={"n_train": 10}))
    np.testing.assert_array_equal(first["test"].x, other["test"].x)


def test_checkerboard_lies_on_black_squares() -> None:
    x = make_dataset(CheckerboardSettings(**SMALL))["train"].x
    column, row = np.floor(x).astype(int).T
    assert ((column + row) % 2 == 0).all()
    assert set(zip(column, row, strict=True)) == {
        (i, j) for i in range(-2, 2) for j in range(-2, 2) if (i + j) % 2 == 0
    }


def test_eight_gaussians_have_their_moments() -> None:
    split = make_dataset(EightGaussiansSettings(n_train=20000))["train"]
    assert split.y is not None
    assert np.bincount(split.y).min() > 2300
    radius = np.linalg.norm([split.x[split.y == k].mean(axis=0) for k in range(8)], axis=1)
    np.testing.assert_allclose(radius, 2, atol=4 * 0.1 / np.sqrt(2300))


@pytest.mark.parametrize(
    "covariance", [2.0, (1.0, 4.0, 9.0), ((2.0, 1.0, 0.0), (1.0, 2.0, 0.0), (0.0, 0.0, 1.0))]
)
def test_gaussian_has_the_given_covariance(covariance: object) -> None:
    settings = GaussianSettings(dim=3, mean=5, covariance=covariance, n_train=20000)
    raw = make_dataset(settings)
    expected = raw["train"].attributes["covariance"]
    found = np.cov(raw["train"].x.T)
    np.testing.assert_allclose(found, expected, atol=5 * np.max(expected) * np.sqrt(2 / 20000))
    np.testing.assert_allclose(raw["train"].x.mean(axis=0), 5, atol=5 * 3 / np.sqrt(20000))


@pytest.mark.parametrize("covariance", [(1.0, 2.0), -1.0, ((1.0, 2.0), (2.0, 1.0))])
def test_impossible_covariance_is_refused(covariance: object) -> None:
    with pytest.raises((InputError, ValueError), match=r"covariance|broadcast"):
        make_dataset(GaussianSettings(dim=3, covariance=covariance))


def test_digits_are_the_real_scans_split_without_overlap(tmp_path: Path) -> None:
    path = tmp_path / "digits.h5"
    write_splits(make_dataset(DigitsSettings()), "digits", path)
    dataset = read_dataset(path)
    sizes = [len(dataset.rows(s)) for s in ("train", "heldout", "test")]
    assert sum(sizes) == 1797
    assert sizes[1] == sizes[2] == 270
    assert dataset.units.event_shape == (8, 8)
    everything = np.concatenate([dataset.rows(s) for s in ("train", "heldout", "test")])
    assert len(np.unique(everything, axis=0)) == 1797
    low, high = dataset.units.value_range
    assert 0 <= low < high < 17
    assert dataset.attributes["licence"]
    labels = dataset.splits["train"].y
    assert labels is not None
    assert set(labels) == set(range(10))


@pytest.mark.parametrize(
    ("suffix", "labelled"),
    [(".npy", False), *((s, y) for s in (".npz", ".csv", ".h5") for y in (False, True))],
)
def test_rows_of_a_file_are_read_whatever_its_format(
    suffix: str, labelled: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 3)), np.array(["b", "a"])[np.arange(100) % 2]
    path = tmp_path / f"rows{suffix}"
    if suffix == ".npy":
        np.save(path, x)
    elif suffix == ".npz":
        np.savez(path, x=x, y=y)
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["x"], file["y"] = x, np.arange(100) % 2
    else:
        columns = {f"c{i}": x[:, i] for i in range(3)} | ({"y": y} if labelled else {})
        pd.DataFrame(columns).to_csv(path, index=False)
    settings = ArraySettings(path=path, labels="y" if labelled else None)
    raw = make_dataset(settings)
    parts = [raw[s] for s in ("train", "heldout", "test")]
    assert [len(p.x) for p in parts] == [70, 15, 15]
    together = np.concatenate([p.x[:] for p in parts])
    np.testing.assert_allclose(np.sort(together, axis=0), np.sort(x, axis=0))
    if labelled:
        assert parts[0].y is not None
        assert set(parts[0].y) == {0, 1}
    assert len(raw["train"].attributes["sha256"]) == 64


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((0, 2)), "non-empty"),
        (np.ones(9), "non-empty"),
        (np.ones((50, 2)), "all training rows are equal"),
        (np.where(np.arange(100).reshape(50, 2) == 7, np.nan, 1.0), "1 values are NaN or infinite"),
        (np.full((50, 2), np.inf), "values are NaN or infinite"),
        (np.full((50, 2), "a"), "needed are numbers"),
    ],
)
def test_bad_rows_are_refused_and_leave_nothing(
    rows: np.ndarray, message: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(InputError, match=message):
        prepare(ArraySettings(path=tmp_path / "rows.npy"), "mine", tmp_path / "a.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["rows.npy"]


def test_missing_or_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent.npy: no such file"):
        make_dataset(ArraySettings(path=tmp_path / "absent.npy"))
    (tmp_path / "junk.npz").write_bytes(b"not an archive")
    with pytest.raises(InputError, match=r"junk.npz: cannot be read"):
        make_dataset(ArraySettings(path=tmp_path / "junk.npz"))
    np.savez(tmp_path / "other.npz", a=np.ones((9, 2)))
    with pytest.raises(InputError, match=r"no array 'x' \(found: a\)"):
        make_dataset(ArraySettings(path=tmp_path / "other.npz"))


def test_labels_of_another_length_are_refused(tmp_path: Path) -> None:
    splits = {
        name: RawRows(np.random.default_rng(0).normal(size=(9, 2)), np.arange(8))
        for name in ("train", "heldout", "test")
    }
    with pytest.raises(InputError, match="9 rows, but labels of shape"):
        write_splits(splits, "a", tmp_path / "a.h5")


def test_file_of_another_version_is_refused_with_the_remedy(
    dataset_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "old.h5"
    path.write_bytes(dataset_path.read_bytes())
    with h5py.File(path, "a") as file:
        file.attrs["format"] = 0
    with pytest.raises(
        InputError, match=r"format 0, this version reads format 1. Remove .* prepare"
    ):
        read_dataset(path)


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_broken_dataset_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(InputError, match="not a readable dataset file"):
        read_dataset(tmp_path / "a.h5")
    with pytest.raises(InputError, match="no such dataset file"):
        read_dataset(tmp_path / "b.h5")


def test_fewer_training_rows_leave_the_other_splits_as_they_are() -> None:
    whole, few = (make_dataset(DigitsSettings(n_train=n)) for n in (None, 100))
    np.testing.assert_array_equal(few["train"].x[:], whole["train"].x[:100])
    for split in ("heldout", "test"):
        np.testing.assert_array_equal(few[split].x[:], whole[split].x[:])
    with pytest.raises(InputError, match="n_train = 5000: only 1257 rows are left"):
        make_dataset(DigitsSettings(n_train=5000))
