"""The flow against mathematics beyond isotropic Gaussians (FACTS.md, in units τ = t/d, ε = d·λ)."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from scipy.special import gamma

from swflow import random_directions, sliced_velocity, sliced_wasserstein
from swflow.datasets.make import make_dataset, model_units
from swflow.flow.closed_form import gaussian_flow
from swflow.flow.source import draw_source
from swflow.schedule.stability import growth_of_mean
from swflow.settings import DigitsSettings, SourceSettings
from tests.helpers import run


def even_directions(n: int) -> torch.Tensor:
    """Symmetric to either side of both axes, none of them on one."""
    angle = (torch.arange(n, dtype=torch.float64) + 0.5) * (math.pi / n)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def whitened(n: int, dim: int, seed: int) -> torch.Tensor:
    """Evenly spread normal points with mean 0 and covariance I to rounding: `(n, dim)` float64."""
    generator = torch.Generator().manual_seed(seed)
    x = draw_source(SourceSettings(), n, dim, quasi=True, generator=generator).double()
    x = x - x.mean(dim=0)
    factor = torch.linalg.cholesky(x.T @ x / n)
    return torch.linalg.solve_triangular(factor, x.T, upper=False).T


def rotated(dim: int, low: float, high: float, seed: int) -> torch.Tensor:
    """A covariance with eigenvalues even in log on [low, high] along random axes."""
    generator = torch.Generator().manual_seed(seed)
    axes, _ = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))
    values = torch.logspace(math.log10(low), math.log10(high), dim, dtype=torch.float64)
    return (axes * values) @ axes.T


@pytest.mark.parametrize("entropy", [0.0, 0.2])
@pytest.mark.parametrize("dim", [2, 8, 32])
def test_rotated_gaussians_follow_the_covariance_ode(dim: int, entropy: float) -> None:
    """FACTS 5: Σ' = HΣ + ΣH + 2εI and m' = m₁ − m between Gaussians that do not commute.

    Sources and targets have their mean and covariance exactly, so that without entropy what is
    left is the error of steps (.25 % at h = .04), of random directions (4 % with 8, hence .5 %
    with 512) and of the quadrature behind H (up to .9 %). Noise adds what n
    points scatter.
    """
    n, times, h = 4096, [0.5, 1.0, 2.0], 0.04
    before, after = rotated(dim, 0.3, 2, 0), rotated(dim, 0.5, 4, 1)
    mean = torch.linspace(-1, 2, dim, dtype=torch.float64)
    source = mean + whitened(n, dim, 2) @ torch.linalg.cholesky(before).T
    target = whitened(n, dim, 3) @ torch.linalg.cholesky(after).T
    found = run(
        source.float(), target.float(), times=times, step=h, n_directions=512, entropy=entropy
    )[1:]
    means, covariances = gaussian_flow(
        mean.numpy(), before.numpy(), np.zeros(dim), after.numpy(), entropy, times
    )
    for snapshot, m, sigma in zip(found, means, covariances, strict=True):
        trace, squares = np.trace(sigma), np.square(sigma).sum()
        # Expected errors of n independent points: only noise has them here.
        sampling = math.sqrt((trace**2 + squares) / squares / n) if entropy else 0.0
        off = math.sqrt(trace / n) if entropy else 1e-5
        x = snapshot.particles.double().numpy()
        assert np.linalg.norm(x.mean(axis=0) - m) < 3 * off
        error = np.linalg.norm(np.cov(x.T, bias=True) - sigma) / math.sqrt(squares)
        assert error < 0.0165 + 1.5 * sampling
        assert np.trace(np.cov(x.T, bias=True)) / trace == pytest.approx(1, abs=0.01)


def test_a_line_is_a_critical_point() -> None:
    """FACTS 9, d = 2: a source on a line ends there, s* = 4/π, residual SW² = 1 − 8/π².

    By symmetry alone: of the target, and of the directions to either side of the line.
    """
    n = 4000
    half = whitened(n // 2, 2, 0)
    target = torch.cat([half, half * torch.tensor([1.0, -1.0], dtype=torch.float64)])
    thetas, x = even_directions(64), torch.zeros(n, 2, dtype=torch.float64)
    x[:, 0] = whitened(n, 1, 1)[:, 0]
    for _ in range(60):
        x = x + 0.2 * sliced_velocity(x, target, thetas)
    assert float(x[:, 1].abs().max()) < 1e-3 * float(x[:, 0].std())
    share = 2 * gamma(1) / (math.sqrt(math.pi) * gamma(1.5))
    assert float(x[:, 0].std()) == pytest.approx(share, rel=0.01)
    residual = 1 - share**2 / 2
    assert residual == pytest.approx(1 - 8 / math.pi**2)
    assert float(sliced_wasserstein(x, target, thetas)) ** 2 == pytest.approx(residual, rel=0.02)


@pytest.mark.parametrize("case", ["plane", "independent"])
def test_means_of_few_directions_grow_as_predicted(case: str) -> None:
    """FACTS 11 with one particle and one target, whose difference is moved by mean θθᵀ alone."""
    dim, n_directions, share, repeats = (4, 6, 0.5, 3000)
    orthonormal = case == "plane"
    target, source = torch.zeros(1, dim), torch.full((1, dim), 0.5)
    squares = []
    for seed in range(repeats):
        settings = {"directions": "orthonormal" if orthonormal else "independent"}
        with pytest.warns() if orthonormal else nullcontext():
            *_, last = run(
                source,
                target,
                seed,
                times=[share],
                step=share,
                n_directions=n_directions,
                integrator="euler",
                **settings,
            )
        squares.append(float(last.particles.square().sum()))
    expected = growth_of_mean(share, n_directions, dim, orthonormal)
    error = 4 * np.std(squares) / math.sqrt(repeats)
    assert np.mean(squares) == pytest.approx(expected, abs=error)


def slope(steps: list[float], errors: list[float]) -> float:
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


@pytest.mark.parametrize("integrator", ["euler", "splitting"])
def test_both_integrators_are_of_first_order_in_the_covariance(integrator: str) -> None:
    """FACTS 12, between Gaussians that do not commute, without noise, along fixed directions."""
    n = 4000
    source = whitened(n, 2, 0) @ torch.linalg.cholesky(rotated(2, 0.1, 2, 0)).T
    target = whitened(n, 2, 1) @ torch.linalg.cholesky(rotated(2, 0.2, 5, 1)).T
    common = {"times": [1.0], "n_directions": 64, "redraw": False, "integrator": integrator}

    def covariance(h: float) -> torch.Tensor:
        return run(source, target, step=h, **common)[-1].particles.T.cov()

    exact, steps = covariance(1 / 160), [0.5, 0.25, 0.125]
    errors = [float((covariance(h) - exact).norm()) for h in steps]
    assert slope(steps, errors) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(("integrator", "order"), [("euler", 1), ("splitting", 2)])
def test_order_of_convergence_of_the_stationary_spread(integrator: str, order: int) -> None:
    """FACTS 12 and 4 with noise: Euler is of first order, the splitting step of second.

    The spread of n points in d dimensions has relative standard error 1/√(2nd) = .1 %.
    """
    n, dim, entropy = 8192, 64, 0.3
    exact = (1 + math.sqrt(1 + 4 * entropy)) / 2
    source, target = exact * whitened(n, dim, 0).float(), whitened(n, dim, 1).float()
    steps, errors = ([0.6, 0.42, 0.3], []) if order == 1 else ([1.4, 1.1, 0.85], [])
    for h in steps:
        snapshots = run(
            source,
            target,
            times=[4 * h, 5 * h, 6 * h, 7 * h],
            step=h,
            n_directions=dim,
            entropy=entropy,
            integrator=integrator,
        )[1:]
        spreads = [float(s.particles.var(dim=0).mean().sqrt()) for s in snapshots]
        errors.append(np.mean(spreads) / exact - 1)
    assert slope(steps, errors) == pytest.approx(order, abs=0.35)


def test_distance_is_dissipated_by_the_drift() -> None:
    """FACTS 18: d/dτ SW² = −(2/d) E|drift|², along directions that both share."""
    x, y, thetas = whitened(500, 2, 0), 1 + whitened(500, 2, 1) ** 3, even_directions(32)
    drift = sliced_velocity(x, y, thetas)
    h = 1e-4
    ahead, behind = (float(sliced_wasserstein(x + s * drift, y, thetas)) ** 2 for s in (h, -h))
    rate = (ahead - behind) / (2 * h)
    assert rate == pytest.approx(-float(drift.square().sum(dim=1).mean()), rel=1e-3)


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    """Real images `(1257, 64)` in model units, float64."""
    splits = make_dataset(DigitsSettings())
    units = model_units("digits", splits)
    return torch.from_numpy(units.encode(splits["train"].x[:])).flatten(1).double()


def test_distance_to_real_images_is_dissipated_by_the_drift(digits: torch.Tensor) -> None:
    """FACTS 18 on digits, at the source and on the way, along directions that both share."""
    thetas = random_directions(64, 64, generator=torch.Generator().manual_seed(0)).double()
    x = whitened(1000, 64, 0)
    for _ in range(3):
        drift = sliced_velocity(x, digits, thetas)
        h = 1e-5  # beyond which ranks change
        ahead, behind = (
            float(sliced_wasserstein(x + s * drift, digits, thetas)) ** 2 for s in (h, -h)
        )
        rate = (ahead - behind) / (2 * h)
        expected = -2 / 64 * float(drift.square().sum(dim=1).mean())
        assert rate == pytest.approx(expected, rel=1e-3)
        x = x + 0.3 * drift


def test_distance_to_real_images_falls_and_not_too_fast(digits: torch.Tensor) -> None:
    """FACTS 10 on digits: SW never increases, and SW(τ) ≥ e^(−τ) SW(0), along fixed directions."""
    thetas = random_directions(256, 64, generator=torch.Generator().manual_seed(0)).double()
    x, h = whitened(1000, 64, 0), 0.02
    first = before = float(sliced_wasserstein(x, digits, thetas))
    for k in range(1, 60):
        x = x + h * sliced_velocity(x, digits, thetas)
        after = float(sliced_wasserstein(x, digits, thetas))
        # Euler's step falls by (1 − h) where the flow falls by e^(−h).
        assert (1 - h) ** k * first * (1 - 1e-9) <= after <= before
        before = after


@pytest.mark.parametrize("entropy", [0.0, 0.1])
def test_one_particle_goes_to_the_mean_of_the_target(entropy: float) -> None:
    target = whitened(100, 3, 0) + 2
    *_, last = run(
        torch.zeros(1, 3, dtype=torch.float64), target, times=[20], n_directions=6, entropy=entropy
    )
    if entropy:  # an Ornstein-Uhlenbeck process of variance ε
        assert float((last.particles - 2).abs().max()) < 5 * math.sqrt(entropy)
    else:
        torch.testing.assert_close(last.particles, target.mean(dim=0)[None], rtol=0, atol=1e-6)


def test_on_the_line_the_flow_is_optimal_transport() -> None:
    """In one dimension every particle relaxes to its quantile, x + (1 − e^(−τ))(T(x) − x)."""
    x, y = whitened(50, 1, 0), 3 + whitened(50, 1, 1).exp()
    for snapshot in run(x, y, times=[0.5, 2], step=0.25, n_directions=1)[1:]:
        goals = torch.empty_like(x).index_copy_(0, x[:, 0].argsort(), y.sort(dim=0).values)
        expected = goals + (x - goals) * math.exp(-snapshot.time)
        torch.testing.assert_close(snapshot.particles, expected)


def test_duplicated_targets_draw_no_more_than_their_share() -> None:
    """Repeating every target row k times changes nothing."""
    x, y, thetas = whitened(60, 3, 0), whitened(20, 3, 1), torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(
        sliced_velocity(x, y.repeat(5, 1), thetas), sliced_velocity(x, y, thetas)
    )
