"""Memorisation: ½ for fresh data, 1 for copies, and exact means over subsets."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from swflow.metrics.memorisation import (
    Memorisation,
    Search,
    few_heldout,
    nearer_subsets,
    share_below,
)
from swflow.metrics.planted import smallest_parts
from swflow.runtime.errors import InputError
from swflow.settings import ScoreSettings
from tests.helpers import values

RNG = np.random.default_rng(0)


def measured(draws: np.ndarray, train: np.ndarray, heldout: np.ndarray) -> dict[str, float]:
    return values(Memorisation(train, heldout, len(draws)).measures(draws, 0))


@pytest.mark.parametrize(("dim", "total", "m"), [(2, 2000, 1000), (16, 1500, 300)])
def test_fresh_data_is_at_one_half_within_its_own_error(dim: int, total: int, m: int) -> None:
    train, heldout, fresh = (RNG.normal(size=(n, dim)) for n in (total, m, 1000))
    found = measured(fresh, train, heldout)
    for name in ("memorisation_a", "memorisation_s"):
        assert abs(found[name] - 0.5) < 3.5 * found[f"{name}_error"]
        assert found[f"{name}_error"] < 0.06


def test_errors_cover_the_spread_of_repeated_experiments() -> None:
    """Rows drawn twice thin a replicate: errors are conservative, by up to two thirds."""
    runs = [measured(*(RNG.normal(size=(n, 3)) for n in (200, 400, 150))) for _ in range(40)]
    for name in ("memorisation_a", "memorisation_s"):
        spread = np.std([run[name] for run in runs], ddof=1)
        mean_error = np.mean([run[f"{name}_error"] for run in runs])
        # The spread of 40 values has relative standard error 1/√78 = 11 %.
        assert 0.8 < mean_error / spread < 2


def test_copies_are_caught() -> None:
    train, heldout = RNG.normal(size=(800, 4)), RNG.normal(size=(200, 4))
    copies = train[RNG.integers(800, size=600)] + 1e-4
    found = measured(copies, train, heldout)
    assert found["memorisation_a"] > 0.99
    # A subset of a quarter of the rows holds the copied one with probability ¼; else ½.
    assert found["memorisation_s"] == pytest.approx((1 + 0.25) / 2, abs=0.04)


def test_copies_of_rows_that_are_not_looked_in_count_as_copies() -> None:
    """Half of the rows stand for all: copies of all have the copied fraction 1, not ½."""
    train, heldout = RNG.normal(size=(2000, 4)), RNG.normal(size=(500, 4))
    found = values(Memorisation(train[:1000], heldout, 2000, of=2000).measures(train, 0))
    assert abs(found["copied"] - 1) < 3 * found["copied_error"]
    assert found["copied_error"] < 0.3


def test_more_heldout_than_training_rows_are_left_out() -> None:
    train, heldout, fresh = (RNG.normal(size=(n, 4)) for n in (100, 270, 500))
    assert measured(fresh, train, heldout) == measured(fresh, train, heldout[:100])


def test_samples_off_the_data_have_a_small_a() -> None:
    train, heldout = RNG.normal(size=(800, 4)), RNG.normal(size=(200, 4))
    assert measured(3 * RNG.normal(size=(400, 4)), train, heldout)["memorisation_a"] < 0.15


def test_mean_over_subsets_is_that_of_all_subsets() -> None:
    points, train, heldout = (RNG.normal(size=(n, 2)) for n in (5, 8, 3))
    to_train, to_heldout = Search(train, 8).of(points), Search(heldout, 3).of(points)
    found = nearer_subsets(to_train, to_heldout, np.ones(8, int), np.ones(3, int))
    far = np.linalg.norm(points[:, None] - heldout, axis=2).min(axis=1)
    near = np.linalg.norm(points[:, None] - train, axis=2)
    subsets = [near[:, list(rows)].min(axis=1) < far for rows in combinations(range(8), 3)]
    np.testing.assert_allclose(found, np.mean(subsets, axis=0))


def test_a_is_the_share_of_pairs() -> None:
    draws, train, heldout = (RNG.normal(size=(n, 2)) for n in (7, 9, 4))
    to_train, between = Search(train, 9).of(draws), Search(train, 9).of(heldout)
    first, second = to_train.distance[:, 0], between.distance[:, 0]
    expected = (first[:, None] < second).mean()
    once = np.ones(9, int)
    assert share_below(to_train.nearest(once), between.nearest(once)) == pytest.approx(expected)


def test_rows_drawn_out_of_a_replicate_are_passed_over() -> None:
    near = Search(np.array([[1.0], [2.0], [3.0]]), 3).of(np.zeros((1, 1)))
    assert near.nearest(np.array([0, 2, 1])).tolist() == [2.0]


def test_the_ratio_of_nearest_distances_is_one_for_fresh_rows_and_tells_copies() -> None:
    rng = np.random.default_rng(0)
    train, heldout, fresh = rng.normal(size=(3, 1000, 4))
    rows = Memorisation(train, heldout, 1000)
    # Its standard error is about 1/√1000 of distances that scatter by a third.
    assert values(rows.measures(fresh, 0))["nearest_ratio"] == pytest.approx(1, abs=0.05)
    assert values(rows.measures(train, 0))["nearest_ratio"] == pytest.approx(0, abs=1e-9)
    few = Memorisation(train, heldout[:200], 1000)
    assert values(few.measures(train, 0))["nearest_ratio"] == pytest.approx(0.8, abs=0.05)


def test_authenticity_is_that_of_its_authors() -> None:
    rng = np.random.default_rng(0)
    train, fresh = rng.normal(size=(2, 60, 3))
    rows = Memorisation(train, rng.normal(size=(60, 3)), 60)
    among = cdist(train, train) + np.diag(np.full(60, np.inf))
    between = cdist(fresh, train)
    expected = np.mean(between.min(axis=1) > among.min(axis=1)[between.argmin(axis=1)])
    assert rows.authenticity(fresh).value == expected
    assert rows.authenticity(train).value == 0


def test_held_out_rows_are_as_many_as_the_ratio_says() -> None:
    rows = np.zeros((100, 2))
    assert len(few_heldout(rows, 400, ScoreSettings(heldout_ratio=0.2))) == 80
    assert len(few_heldout(rows, 400, ScoreSettings())) == 100
    with pytest.raises(InputError, match=r"heldout_ratio = 0.2 of 600 training rows are 120"):
        few_heldout(rows, 600, ScoreSettings(heldout_ratio=0.2))


def test_a_tenth_of_copies_is_found_among_two_thousand_rows() -> None:
    rng = np.random.default_rng(0)
    train, heldout, fresh = rng.normal(size=(3, 2000, 8)).astype(np.float32)
    found = values(smallest_parts(Memorisation(train, heldout, 2000), fresh, 0))
    assert min(found["planted_copied_0"], found["planted_memorisation_a_0"]) <= 0.1
    assert min(found["planted_copied_0.25"], found["planted_memorisation_a_0.25"]) <= 0.1
    # Copies with as much noise as fresh rows are apart are hard to tell: many are needed, if ever.
    assert found.get("planted_copied_1", 2.0) >= found["planted_copied_0"]
