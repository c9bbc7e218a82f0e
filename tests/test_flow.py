"""The particle flow against its closed forms (FACTS.md, in units τ = t/d, ε = d·λ)."""

import math
from itertools import pairwise

import pytest
import torch

import swflow
from swflow import FlowSettings, Snapshot, random_directions, simulate, sliced_wasserstein
from swflow.flow import step_schedule


def run(source: torch.Tensor, target: torch.Tensor, **settings: object) -> list[Snapshot]:
    generator = torch.Generator().manual_seed(1)
    return list(simulate(source, target, FlowSettings(**settings), generator=generator))


def normal(n: int, dim: int, seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dim", [2, 5])
def test_means_relax_exactly_with_orthonormal_blocks(dim: int) -> None:
    """FACTS 2: Euler gives (1 − h)^k whatever the laws, unequal sizes included."""
    source, target = normal(40, dim, 0).exp(), 3 + normal(70, dim, 1)
    *_, last = run(source, target, times=[2], step=0.1, n_directions=2 * dim, integrator="euler")
    expected = target.mean(0) + (source.mean(0) - target.mean(0)) * 0.9**20
    torch.testing.assert_close(last.particles.mean(0), expected, rtol=1e-12, atol=1e-12)


def test_homotheties_stay_homotheties() -> None:
    """FACTS 3: X₀ = m₀ + s₀Z, Y = m₁ + s₁Z give X = m + sZ exactly; the splitting step in time."""
    z = normal(60, 3, 0).exp()
    source, target = 4 + 0.5 * z, -1 + 2 * z
    for snapshot in run(source, target, times=[0.5, 1, 3], step=0.25, n_directions=6):
        left = math.exp(-snapshot.time)
        expected = (4 * left - (1 - left)) + (2 - 1.5 * left) * z
        torch.testing.assert_close(snapshot.particles, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dim", [2, 8, 64])
def test_isotropic_gaussians_without_entropy(dim: int) -> None:
    """FACTS 3 at N = 20,000: mean and standard deviation within 1 %."""
    n = 20000
    source = 2 + 0.5 * normal(n, dim, 0, torch.float32)
    target = normal(n, dim, 1, torch.float32)
    for snapshot in run(source, target, times=[0.5, 1, 2], step=0.2, n_directions=64)[1:]:
        left = math.exp(-snapshot.time)
        mean = snapshot.particles.mean(0)
        assert float((mean - 2 * left).square().mean().sqrt()) < 0.01 * 2
        assert float(snapshot.particles.var(0).mean().sqrt()) == pytest.approx(
            1 - 0.5 * left, rel=0.01
        )


@pytest.mark.parametrize("dim", [2, 8, 64])
@pytest.mark.parametrize("entropy", [0.2, 0.5])
def test_isotropic_gaussians_with_entropy(dim: int, entropy: float) -> None:
    """FACTS 4: s' = 1 − s + ε/s, stationary (1 + √(1 + 4ε))/2; particles and twin within 1 %."""
    n, stationary = 20000, (1 + math.sqrt(1 + 4 * entropy)) / 2
    source, target = normal(n, dim, 0, torch.float32), normal(n, dim, 1, torch.float32)
    *_, last = run(
        source * stationary, target, times=[3], step=0.2, n_directions=max(16, dim), entropy=entropy
    )
    assert last.twin is not None
    for cloud in (last.particles, last.twin):
        assert float(cloud.var(0).mean().sqrt()) == pytest.approx(stationary, rel=0.01)


@pytest.mark.parametrize(("integrator", "expected"), [("euler", 2**0.5), ("splitting", 1.40098)])
def test_long_steps_have_their_own_stationary_spread(integrator: str, expected: float) -> None:
    """FACTS 4 at h = 1, ε = ½, where the flow itself has 1.3660.

    Euler: √(1 + 2ε). Splitting: the fixed point of s ↦ √((e^(−h)√(s² + εh) + 1 − e^(−h))² + εh).
    """
    n = 20000
    source, target = normal(n, 2, 0, torch.float32), normal(n, 2, 1, torch.float32)
    *_, last = run(
        source, target, times=[12], step=1, n_directions=16, entropy=0.5, integrator=integrator
    )
    # The spread of n points in two dimensions has relative standard deviation 1/√(4n) = .35 %.
    assert float(last.particles.var(0).mean().sqrt()) == pytest.approx(expected, rel=0.01)


def test_spread_relaxes_in_time_as_the_ode() -> None:
    """FACTS 4 on the way: s(τ) from a fine Runge-Kutta solution, within 1 %."""
    n, entropy, s = 20000, 0.2, 0.5
    source, target = s * normal(n, 2, 0, torch.float32), normal(n, 2, 1, torch.float32)
    steps = 2000
    for snapshot in run(
        source, target, times=[0.5, 1, 2], step=0.05, n_directions=16, entropy=entropy
    )[1:]:
        value, h = 0.5, snapshot.time / steps
        for _ in range(steps):
            middle = value + h / 2 * (1 - value + entropy / value)
            value += h * (1 - middle + entropy / middle)
        assert float(snapshot.particles.var(0).mean().sqrt()) == pytest.approx(value, rel=0.01)


def test_twin_is_the_homothety_of_the_source() -> None:
    """FACTS 8: between isotropic Gaussians the twin is (s_τ/s₀)(x₀ − m₀), and does not collapse."""
    n = 20000
    source, target = normal(n, 2, 0, torch.float32), normal(n, 2, 1, torch.float32)
    *_, last = run(source, target, times=[4], step=0.1, n_directions=16, entropy=0.2)
    assert last.twin is not None
    slope = float((last.twin * source).sum() / source.square().sum())
    assert slope == pytest.approx(float(last.particles.std()), rel=0.01)
    unexplained = (last.twin - slope * source).square().sum() / last.twin.square().sum()
    assert float(unexplained) < 0.01


def test_distance_never_increases_and_decays_no_faster_than_allowed() -> None:
    """FACTS 10: SW(τ) ≥ e^(−τ) SW(0), and falls, up to the finite number of directions."""
    import numpy as np

    from swflow.datasets.make import LAWS
    from swflow.settings import EightGaussiansSettings, MoonsSettings

    source = torch.from_numpy(LAWS["moons"](MoonsSettings(), 2000, np.random.default_rng(0)).x)
    target = torch.from_numpy(
        LAWS["eight_gaussians"](EightGaussiansSettings(), 2000, np.random.default_rng(1)).x
    )
    angle = torch.arange(128, dtype=torch.float64) * (math.pi / 128)
    thetas = torch.stack([angle.cos(), angle.sin()], dim=1)
    snapshots = run(source, target, horizon=8, n_times=9, step=0.1, n_directions=64)
    values = [float(sliced_wasserstein(s.particles, target, thetas)) for s in snapshots]
    assert all(after < before for before, after in pairwise(values))
    for snapshot, value in zip(snapshots, values, strict=True):
        assert value >= math.exp(-snapshot.time) * values[0] * (1 - 1e-6)


def test_every_class_flows_to_its_own_rows() -> None:
    labels = torch.arange(80) % 2
    target = torch.where(labels[:, None] == 1, 5.0, -5.0) + 0.1 * normal(80, 2, 1)
    generator = torch.Generator().manual_seed(0)
    *_, last = simulate(
        normal(80, 2, 0),
        target,
        FlowSettings(times=[8], step=0.5, n_directions=8),
        generator=generator,
        source_labels=labels,
        target_labels=labels,
    )
    centres = [last.particles[labels == label].mean(0) for label in (0, 1)]
    assert float(centres[0].max()) < -4.5
    assert float(centres[1].min()) > 4.5


@pytest.mark.parametrize("entropy", [0.0, 0.3])
def test_same_generator_gives_the_same_bytes(entropy: float) -> None:
    source, target = normal(50, 3, 0, torch.float32), normal(40, 3, 1, torch.float32)
    first, second = (
        run(source, target, horizon=3, n_times=4, n_directions=6, entropy=entropy) for _ in range(2)
    )
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.particles, b.particles)
        assert torch.equal(a.drift, b.drift)


def test_more_stored_times_within_steps_keep_earlier_snapshots() -> None:
    """Snapshots are never changed after they were yielded, nor is the source."""
    source = normal(30, 2, 0)
    kept = source.clone()
    iterator = simulate(
        source,
        normal(30, 2, 1),
        FlowSettings(times=[1, 2], step=0.5, n_directions=4),
        generator=torch.Generator().manual_seed(0),
    )
    first = next(iterator)
    assert first.time == 0
    second = next(iterator)
    before = second.particles.clone()
    list(iterator)
    assert torch.equal(first.particles, kept)
    assert torch.equal(source, kept)
    assert torch.equal(second.particles, before)


def test_drift_of_a_snapshot_is_the_velocity_there() -> None:
    source, target = normal(50, 3, 0), normal(50, 3, 1) + 4
    first = run(source, target, times=[1], n_directions=300, step=0.5)[0]
    thetas = random_directions(3000, 3, dtype=torch.float64)
    expected = swflow.sliced_velocity(source, target, thetas)
    # Both average over random directions: relative error about √(d/L) = .1.
    assert float((first.drift - expected).norm() / expected.norm()) < 0.1


@pytest.mark.parametrize(
    "settings",
    [{"times": [0.3, 1, 1.05]}, {"horizon": 50, "n_times": 7}, {"horizon": 2, "step": 0.3}],
)
def test_steps_hit_stored_times_and_stay_below_the_schedule(settings: dict[str, object]) -> None:
    flow = FlowSettings(**settings)
    steps = step_schedule(flow)
    ends = [s.time + s.size for s in steps if s.stored]
    assert ends == pytest.approx(flow.stored_times()[1:])
    assert all(s.size <= flow.step_size(s.time) * (1 + 1e-9) for s in steps)
    for before, after in pairwise(steps):
        assert before.time + before.size == pytest.approx(after.time)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"source": torch.full((4, 2), math.nan)},
            "source has 8 non-finite values, the first at row 0",
        ),
        ({"target": torch.ones(4, 3)}, "dimensions differ"),
        ({"target": torch.ones(0, 2)}, "target has shape"),
        ({"source_labels": torch.zeros(4)}, "both source and target"),
        (
            {"source_labels": torch.zeros(3), "target_labels": torch.zeros(4)},
            r"needed is \(4,\)",
        ),
        (
            {"source_labels": torch.arange(4), "target_labels": torch.zeros(4)},
            "target_labels only",
        ),
        ({"carried": torch.ones(3, 5)}, "carried is"),
    ],
)
def test_bad_arrays_are_named_before_any_step(
    change: dict[str, torch.Tensor], message: str
) -> None:
    arguments = {"source": torch.ones(4, 2), "target": torch.ones(4, 2)} | change
    source, target = arguments.pop("source"), arguments.pop("target")
    with pytest.raises(ValueError, match=message):
        simulate(
            source,
            target,
            FlowSettings(times=[1], n_directions=2),
            generator=torch.Generator(),
            **arguments,
        )
