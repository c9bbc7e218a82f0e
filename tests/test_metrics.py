"""Metrics against oracles and known laws."""

import math

import numpy as np
import ot
import pytest
import torch

from swflow.closed_form import gaussian_flow
from swflow.datasets import Dataset
from swflow.metrics.classifier import classifier_accuracy
from swflow.metrics.fidelity import fidelity, repeatability
from swflow.metrics.generation import energy_distance, exact_wasserstein, generation
from swflow.models.base import Point
from swflow.models.particles import Particles
from swflow.settings import ScoreSettings, SourceSettings
from swflow.sources import draw_source
from swflow.trajectory import Trajectory, shared_rows

FEW = ScoreSettings(
    n_draws=100, n_redraws=5, n_large=200, n_directions=8, n_classifier=100, n_exact=50
)


def test_classifier_is_at_chance_on_equal_laws_and_sure_on_distant_ones() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 2000, 5))
    # 2,000 test rows: the standard deviation of chance is 1/(2√2000).
    assert abs(classifier_accuracy(x, y, 2000, 0) - 0.5) < 4 / (2 * math.sqrt(2000))
    assert classifier_accuracy(x, y + 3, 2000, 0) > 0.99


def test_classifier_sees_what_moments_do_not() -> None:
    rng = np.random.default_rng(0)
    ring = rng.normal(size=(5000, 2))
    ring /= np.linalg.norm(ring, axis=1, keepdims=True) / math.sqrt(2)
    assert classifier_accuracy(ring, rng.normal(size=(5000, 2)), 5000, 0) > 0.8


def test_exact_wasserstein_of_a_shift_is_its_length() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert exact_wasserstein(x, x + np.array([3, 0, 4])) == pytest.approx(5)


def test_energy_distance_in_one_dimension_is_scipys() -> None:
    from scipy.stats import energy_distance as oracle

    x, y = np.random.default_rng(0).normal(size=(2, 80, 1))
    assert energy_distance(x, 2 * y) == pytest.approx(oracle(x[:, 0], 2 * y[:, 0]))


def test_generation_metrics_of_the_same_rows_are_perfect() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    found = {name: value for name, value, _ in generation(x, x, 60, FEW, 0)}
    assert found["sw_test"] == 0
    assert found["w2_test"] == pytest.approx(0, abs=1e-6)
    assert found["energy_test"] == pytest.approx(0, abs=1e-6)
    assert found["precision"] == found["recall"] == found["coverage"] == 1


def test_generation_distances_equal_pots(generator: torch.Generator) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50, 2)).astype(np.float32)
    found = {name: value for name, value, _ in generation(x, y + 1, 50, FEW, 0)}
    squared = ot.emd2([], [], ot.dist(x.astype(float), y.astype(float) + 1))
    assert found["w2_test"] == pytest.approx(math.sqrt(squared), rel=1e-5)


def test_flow_scores_its_own_floor(stores: list[list[Trajectory]]) -> None:
    """A run against another: run-to-run below draws; repeatability from the carried points."""
    sampler, reference = Particles(stores[2]), stores[1][0]
    end = Point(0.0, float(reference.time[-1]))
    draws = sampler.draw(100, end, torch.Generator().manual_seed(0)).x.numpy()
    found = {name: value for name, value, _ in fidelity(sampler, draws, reference, end, FEW, 0)}
    assert 0 < found["sw2_large"] < found["sw2"]
    assert found["sw2_error"] < found["sw2"]
    first, second = stores[2][0].carried(6), reference.carried(6)
    assert first is not None
    assert second is not None
    assert found["uvp"] == pytest.approx(repeatability(first, second))
    assert 0 < found["uvp"] < 10


def test_repeatability_of_noise_is_its_share_of_variance() -> None:
    """Two runs X = S + noise each: ½E|X − X′|²/Var is the noise's share."""
    rng = np.random.default_rng(0)
    signal = 2 * rng.normal(size=(40000, 2))
    runs = [signal + rng.normal(size=signal.shape) for _ in range(2)]
    assert repeatability(*runs) == pytest.approx(20, rel=0.05)


def test_runs_carry_the_same_points(stores: list[list[Trajectory]]) -> None:
    first, second = stores[0][0].carried(0), stores[1][0].carried(0)
    assert first is not None
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(stores[0][0].particles(0), stores[1][0].particles(0))


def test_with_entropy_twins_of_common_source_points_repeat(
    stores: list[list[Trajectory]],
) -> None:
    first, second = stores[2][1], stores[1][1]
    assert len(first.shared_rows) == min(first.settings["n_carried"], first.shape[0] // 2)
    assert sorted([*first.shared_rows, *first.own_rows]) == list(range(first.shape[0]))
    sources = [store.particles(0) for store in (first, second)]
    np.testing.assert_array_equal(*(x[first.shared_rows] for x in sources))
    assert not np.isin(*(x[first.own_rows, 0] for x in sources)).any()
    sampler, end = Particles(stores[2]), Point(first.entropy, float(first.time[-1]))
    draws = sampler.draw(100, end, torch.Generator().manual_seed(0)).x.numpy()
    found = {name: value for name, value, _ in fidelity(sampler, draws, second, end, FEW, 0)}
    twins = [store.paired(6)[first.shared_rows] for store in (first, second)]
    assert found["uvp"] == pytest.approx(repeatability(*twins))


def test_shared_rows_are_from_all_over_the_source() -> None:
    """Every k-th point of a Sobol sequence would lie in one part of the first coordinate."""
    law = SourceSettings(law="uniform")
    n, k = 32768, 1024
    x = draw_source(law, n, 2, quasi=True, generator=torch.Generator().manual_seed(0))
    positive = (x[shared_rows(n, k)] > 0).float().mean(dim=0)
    assert float((positive - 0.5).abs().max()) < 4 * 0.5 / math.sqrt(k)


@pytest.mark.parametrize("dim", [1, 2, 6])
@pytest.mark.parametrize("entropy", [0.0, 0.3])
def test_closed_form_of_isotropic_gaussians_is_the_scalar_equation(
    dim: int, entropy: float
) -> None:
    """FACTS 4: s' = s₁ − s + ε/s; at ε = 0, s₁ + (s₀ − s₁)e^(−τ) (FACTS 3)."""
    eye, times = np.eye(dim), [0.0, 0.5, 30.0]
    mean, covariance = gaussian_flow(
        np.full(dim, 2.0), 0.25 * eye, np.zeros(dim), eye, entropy, times
    )
    np.testing.assert_allclose(mean[:, 0], 2 * np.exp(-np.array(times)))
    stationary = (1 + math.sqrt(1 + 4 * entropy)) / 2
    np.testing.assert_allclose(covariance[2], stationary**2 * eye, rtol=1e-5, atol=1e-6)
    if entropy == 0:
        spread = 1 - 0.5 * math.exp(-0.5)
        np.testing.assert_allclose(covariance[1], spread**2 * eye, rtol=1e-5, atol=1e-6)


def test_closed_form_of_anisotropic_gaussians_follows_small_particle_steps() -> None:
    """FACTS 5: within 1 % of a simulation with even angles, ε = 0, d = 2."""
    from swflow.sliced import sliced_velocity

    rng = np.random.default_rng(0)
    target_covariance = np.array([[2.0, 0.8], [0.8, 0.5]])
    x = torch.from_numpy(rng.normal(size=(20000, 2)))
    y = torch.from_numpy(rng.normal(size=(20000, 2)) @ np.linalg.cholesky(target_covariance).T)
    x = (x - x.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T
    y = y - y.mean(0)
    angle = torch.arange(16, dtype=torch.float64) * (math.pi / 16)
    thetas = torch.stack([angle.cos(), angle.sin()], dim=1)
    for _ in range(25):
        x = x + 0.02 * sliced_velocity(x, y, thetas)
    _, expected = gaussian_flow(
        np.zeros(2), np.eye(2), np.zeros(2), np.cov(y.numpy().T), 0.0, [0.0, 0.5]
    )
    np.testing.assert_allclose(np.cov(x.numpy().T), expected[1], rtol=0.01, atol=0.01)


def test_dataset_fixture_is_in_model_units(dataset: Dataset) -> None:
    assert dataset.rows("train").var(axis=0).mean() == pytest.approx(1, rel=1e-5)
