"""Closed forms of the flow between Gaussians."""

import math

import numpy as np
import pytest
import torch

from swflow import sliced_velocity
from swflow.flow.closed_form import gaussian_flow, gaussian_map
from swflow.flow.optimal_maps import optimal_matrix


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


@pytest.mark.parametrize("entropy", [0.0, 0.3])
def test_isotropic_laws_need_no_quadrature(entropy: float) -> None:
    """Nearly isotropic ones, which do, have nearly the same covariance."""
    eye, times, off = np.eye(3), [0.5, 2.0], np.diag([0.0, 0.0, 1e-7])
    exact, near = (
        gaussian_flow(np.zeros(3), 0.25 * eye, np.zeros(3), target, entropy, times)[1]
        for target in (eye, eye + off)
    )
    np.testing.assert_allclose(near, exact, rtol=1e-4, atol=1e-5)


def test_the_map_carries_the_covariance_along_the_flow() -> None:
    before, after = np.array([[3.0, 1.0], [1.0, 1.0]]), np.diag([4.0, 0.5])
    a = gaussian_map(before, after, 0.7)
    _, expected = gaussian_flow(np.zeros(2), before, np.zeros(2), after, 0.0, [0.0, 0.7])
    np.testing.assert_allclose(a @ before @ a.T, expected[1], rtol=1e-5)


@pytest.mark.parametrize(
    ("before", "off"),
    [
        (np.eye(2), 0.0),
        (np.diag([2.0, 0.5]), 0.0),
        (np.array([[8.5, 7.5], [7.5, 8.5]]), 0.27),  # as wide as the target, turned by 45°
    ],
    ids=["isotropic", "commuting", "turned"],
)
def test_the_map_ends_in_the_optimal_one_where_both_laws_have_the_same_axes(
    before: np.ndarray, off: float
) -> None:
    """FACTS 6: below 1e-4 % of the variance there; else it reaches the law along another map."""
    after = np.diag([16.0, 1.0])
    a, best = gaussian_map(before, after, 30.0), optimal_matrix(before, after)
    np.testing.assert_allclose(a @ before @ a.T, after, rtol=1e-4, atol=1e-4)
    error = 100 * np.trace((a - best) @ before @ (a - best).T) / np.trace(after)
    assert error == pytest.approx(off, abs=0.005 if off else 1e-4)
