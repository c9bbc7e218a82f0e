"""Directions, one-dimensional transport, distances, drift."""

import math

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from swflow import random_directions, sliced_velocity, sliced_wasserstein
from swflow.sliced.directions.dense import BLOCK_ELEMENTS, as_directions
from swflow.sliced.drift import drift
from swflow.sliced.plans.exact import Exact, monotone_goals

SIZES = [(50, 50), (70, 30), (30, 70), (31, 77), (1, 9), (9, 1)]


def clouds(n: int, m: int, dim: int, seed: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, dim, generator=generator, dtype=torch.float64)
    return x, 2 + torch.randn(m, dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("dim", [1, 2, 7])
def test_orthonormal_blocks_average_to_identity_over_dim(
    dim: int, generator: torch.Generator
) -> None:
    thetas = random_directions(3 * dim, dim, generator=generator, dtype=torch.float64)
    mean = thetas.T @ thetas / len(thetas)
    torch.testing.assert_close(mean, torch.eye(dim, dtype=torch.float64) / dim)


@pytest.mark.parametrize("orthonormal", [True, False])
def test_directions_are_uniform_unit_vectors(orthonormal: bool, generator: torch.Generator) -> None:
    thetas = random_directions(
        30000, 3, orthonormal=orthonormal, generator=generator, dtype=torch.float64
    )
    torch.testing.assert_close(thetas.norm(dim=1), torch.ones(30000, dtype=torch.float64))
    # A coordinate of a uniform direction in three dimensions is uniform on [-1, 1].
    ordered = thetas[:, 0].sort().values
    gap = (ordered - torch.linspace(-1, 1, 30000, dtype=torch.float64)).abs().max()
    assert gap < 2 * 1.63 / math.sqrt(30000)  # Kolmogorov-Smirnov at 1 %, on an interval of 2


def test_same_generator_state_gives_same_directions() -> None:
    first, second = (
        random_directions(5, 4, generator=torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert torch.equal(first, second)


@pytest.mark.parametrize(("n", "dim"), [(0, 2), (2, 0)])
def test_directions_need_positive_sizes(n: int, dim: int) -> None:
    with pytest.raises(ValueError, match=r"n >= 1 and dim >= 1"):
        random_directions(n, dim)


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("p", [1, 2, 3])
def test_distance_equals_pot(n: int, m: int, p: int, generator: torch.Generator) -> None:
    x, y = clouds(n, m, 5)
    thetas = random_directions(40, 5, generator=generator, dtype=torch.float64)
    found = sliced_wasserstein(x, y, thetas, p=p)
    expected = ot.sliced_wasserstein_distance(
        x.numpy(), y.numpy(), projections=thetas.numpy().T, p=p
    )
    assert float(found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_drift_is_minus_n_d_times_the_gradient(n: int, m: int, generator: torch.Generator) -> None:
    """FACTS 1, against automatic differentiation of the distance."""
    x, y = clouds(n, m, 4)
    thetas = random_directions(12, 4, generator=generator, dtype=torch.float64)
    moving = x.clone().requires_grad_()
    (sliced_wasserstein(moving, y, thetas).square() / 2).backward()
    assert moving.grad is not None
    torch.testing.assert_close(sliced_velocity(x, y, thetas), -n * 4 * moving.grad)


@pytest.mark.parametrize(("n", "m"), [(12, 12), (12, 7), (7, 12)])
def test_drift_is_minus_n_d_times_finite_differences(
    n: int, m: int, generator: torch.Generator
) -> None:
    """FACTS 1, without differentiating any code."""
    x, y = clouds(n, m, 3)
    thetas = random_directions(6, 3, generator=generator, dtype=torch.float64)
    gradient, h = torch.zeros_like(x), 1e-5
    for i in range(n):
        for j in range(3):
            step = torch.zeros_like(x)
            step[i, j] = h
            up, down = (sliced_wasserstein(x + s, y, thetas).square() / 2 for s in (step, -step))
            gradient[i, j] = (up - down) / (2 * h)
    torch.testing.assert_close(
        sliced_velocity(x, y, thetas), -n * 3 * gradient, rtol=1e-6, atol=1e-7
    )


@given(n=st.integers(1, 40), m=st.integers(1, 40), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_goals_keep_order_and_mean(n: int, m: int, seed: int) -> None:
    rows = np.sort(np.random.default_rng(seed).normal(size=(2, m)), axis=1)
    goals = monotone_goals(torch.from_numpy(rows), n)
    assert goals.shape == (2, n)
    torch.testing.assert_close(goals.mean(dim=1), torch.from_numpy(rows.mean(axis=1)))
    assert (goals.diff(dim=1) >= -1e-12).all()
    assert goals.min() >= rows.min() - 1e-12
    assert goals.max() <= rows.max() + 1e-12


def test_float32_ranks_agree_with_float64(generator: torch.Generator) -> None:
    """The packed sort orders negative, equal and tiny values as they are."""
    x = torch.cat([torch.randn(500, 3, generator=generator), torch.zeros(50, 3)])
    x = torch.cat([x, -x, x * 1e-30])
    y = torch.randn(700, 3, generator=generator)
    thetas = torch.eye(3)
    double = sliced_velocity(x.double(), y.double(), thetas.double())
    torch.testing.assert_close(sliced_velocity(x, y, thetas).double(), double, rtol=1e-4, atol=1e-5)


def test_blocks_of_directions_change_nothing(
    monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
) -> None:
    x, y = clouds(60, 45, 4)
    thetas = random_directions(20, 4, generator=generator, dtype=torch.float64)
    whole = sliced_velocity(x, y, thetas), sliced_wasserstein(x, y, thetas)
    monkeypatch.setitem(BLOCK_ELEMENTS, "cpu", 300)
    torch.testing.assert_close(sliced_velocity(x, y, thetas), whole[0])
    torch.testing.assert_close(sliced_wasserstein(x, y, thetas), whole[1])


def test_tracers_on_particles_move_with_them(generator: torch.Generator) -> None:
    x, y = clouds(60, 45, 4)
    thetas = random_directions(8, 4, generator=generator, dtype=torch.float64)
    moved, tracers = drift(x, y, as_directions(thetas), x[10:20], plan=Exact())
    torch.testing.assert_close(tracers, moved[10:20])


def test_tracers_outside_move_as_the_outermost() -> None:
    x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[5.0], [8.0]])
    line = as_directions(torch.ones(1, 1))
    _, tracers = drift(x, y, line, torch.tensor([[-9.0], [0.5], [9.0]]), plan=Exact())
    torch.testing.assert_close(tracers, torch.tensor([[5.0], [6.0], [7.0]]))


def test_distance_between_gaussians(generator: torch.Generator) -> None:
    """FACTS 7: SW²(N(0, diag(9, 1)), N(0, I)) = 1.7458224, by even angles and large samples."""
    n = 200_000
    x = torch.randn(n, 2, generator=generator) * torch.tensor([3.0, 1.0])
    y = torch.randn(n, 2, generator=generator)
    angle = torch.arange(64) * (math.pi / 64)
    thetas = torch.stack([angle.cos(), angle.sin()], dim=1)
    # The standard deviation of a sample's spread is s/√(2n): SW moves by less than 3·2.2/√(2n).
    assert float(sliced_wasserstein(x, y, thetas)) == pytest.approx(
        math.sqrt(1.7458224), abs=3 * 2.2 / math.sqrt(2 * n)
    )


@pytest.mark.parametrize(("n", "expected"), [(1000, 0.0060), (5000, 0.0013)])
def test_two_sample_floor(n: int, expected: float, generator: torch.Generator) -> None:
    """FACTS 13: E SW² ≈ 6/N between samples of N(0, I); the mean over repeats within 20 %."""
    repeats, thetas = 60, random_directions(32, 8, generator=generator)
    values = [
        float(
            sliced_wasserstein(
                torch.randn(n, 8, generator=generator),
                torch.randn(n, 8, generator=generator),
                thetas,
            )
            ** 2
        )
        for _ in range(repeats)
    ]
    error = 3 * np.std(values) / math.sqrt(repeats)
    assert np.mean(values) == pytest.approx(expected, abs=error + 0.1 * expected)


def test_gradient_at_distance_zero_is_zero(generator: torch.Generator) -> None:
    x = torch.randn(5, 2, generator=generator)
    moving = x.clone().requires_grad_()
    distance = sliced_wasserstein(moving, x, torch.eye(2))
    distance.backward()
    assert distance.item() == 0
    assert moving.grad is not None
    assert (moving.grad == 0).all()


@pytest.mark.parametrize(
    ("x", "y", "thetas", "message"),
    [
        (torch.ones(3), torch.ones(3, 2), torch.eye(2), r"x has shape \(3,\)"),
        (torch.ones(3, 2), torch.ones(0, 2), torch.eye(2), "target has shape"),
        (torch.ones(3, 2), torch.ones(3, 3), torch.eye(2), "dimensions differ"),
        (torch.ones(3, 2), torch.ones(3, 2), torch.eye(3), "dimensions differ"),
    ],
)
def test_shapes_that_do_not_match_are_named(
    x: torch.Tensor, y: torch.Tensor, thetas: torch.Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein(x, y, thetas)
    with pytest.raises(ValueError, match=message):
        sliced_velocity(x, y, thetas)
