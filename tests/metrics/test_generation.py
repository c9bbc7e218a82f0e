"""Generation: distances and overlap against oracles."""

import math

import numpy as np
import ot
import pytest
import torch
from prdc import compute_prdc
from scipy.spatial.distance import cdist

from swflow.metrics.generation import energy_distance, exact_wasserstein, generation, overlap
from swflow.settings import ScoreSettings
from tests.helpers import values

FEW = ScoreSettings(n_directions=8, n_classifier=100, n_exact=50)


def test_exact_wasserstein_of_a_shift_is_its_length() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert exact_wasserstein(cdist(x, x + np.array([3, 0, 4]))) == pytest.approx(5)


def test_energy_distance_in_one_dimension_is_scipys() -> None:
    from scipy.stats import energy_distance as oracle

    x, y = np.random.default_rng(0).normal(size=(2, 80, 1))
    assert energy_distance(cdist(x, 2 * y), cdist(x, x), cdist(2 * y, 2 * y)) == pytest.approx(
        oracle(x[:, 0], 2 * y[:, 0])
    )


def test_generation_metrics_of_the_same_rows_are_perfect() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    found = values(generation(x, x, 60, FEW, 0))
    assert found["sw_test"] == 0
    assert found["w2_test"] == pytest.approx(0, abs=1e-6)
    assert found["energy_test"] == pytest.approx(0, abs=1e-6)
    assert found["precision"] == found["recall"] == found["coverage"] == 1


def test_generation_distances_equal_pots(generator: torch.Generator) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50, 2)).astype(np.float32)
    found = values(generation(x, y + 1, 50, FEW, 0))
    squared = ot.emd2([], [], ot.dist(x.astype(float), y.astype(float) + 1))
    assert found["w2_test"] == pytest.approx(math.sqrt(squared), rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(80, 80), (80, 50)])
def test_overlap_is_that_of_its_authors(n: int, m: int, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    draws, real = rng.normal(size=(n, 3)), 0.5 + rng.normal(size=(m, 3))
    found = overlap(cdist(draws, real), cdist(draws, draws), cdist(real, real), 5)
    expected = compute_prdc(real, draws, 5)
    assert found == pytest.approx({k: float(v) for k, v in expected.items()})
