"""Fréchet and kernel distances against closed forms and unbiasedness."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from swflow.metrics.frechet import FrechetTo, kernel_distance
from swflow.metrics.images import distances


def test_frechet_distance_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(500, 6)), rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6)) + 1
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    crossed = np.trace(sqrtm(first @ second).real)
    expected = np.square(x.mean(axis=0) - y.mean(axis=0)).sum()
    expected += np.trace(first) + np.trace(second) - 2 * crossed
    assert FrechetTo(y)(x)[0] == pytest.approx(expected)


def test_frechet_distance_of_the_same_rows_is_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(300, 5))
    assert FrechetTo(x)(x)[0] == pytest.approx(0, abs=1e-9)


def test_jackknife_error_is_the_deviation_over_samples() -> None:
    """Of 60 samples of a law at a distance; five parts tell it to a factor of about 1.4."""
    rng = np.random.default_rng(0)
    to = FrechetTo(rng.normal(size=(4000, 3)))
    found = np.array([to(0.5 + rng.normal(size=(500, 3))) for _ in range(60)])
    spread = found[:, 0].std(ddof=1)
    assert np.sqrt(np.square(found[:, 1]).mean()) == pytest.approx(spread, rel=0.35)


def test_kernel_distance_is_unbiased() -> None:
    """Of equal laws it is 0 within its error; of others it is far above it."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3000, 8))
    value, error = kernel_distance(x, y)
    assert abs(value) < 4 * error
    value, error = kernel_distance(x + 0.5, y)
    assert value > 10 * error


def test_kernel_distance_is_that_of_all_pairs() -> None:
    """Three blocks of two rows each, by the definition."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 6, 4))

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 4 + 1) ** 3)

    blocks = []
    for at in (0, 2, 4):
        (a, b), (c, d) = x[at : at + 2], y[at : at + 2]
        between = np.mean([k(p, q) for p in (a, b) for q in (c, d)])
        blocks.append(k(a, b) + k(c, d) - 2 * between)
    assert kernel_distance(x, y)[0] == pytest.approx(np.mean(blocks))


def test_distances_by_products_are_the_distances() -> None:
    from scipy.spatial.distance import cdist

    x, y = np.random.default_rng(0).normal(size=(2, 40, 20)).astype(np.float32)
    np.testing.assert_allclose(distances(x, y), cdist(x, y), rtol=1e-9)
