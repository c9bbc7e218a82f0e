"""The particle flow against its closed forms (FACTS.md, in units τ = t/d, ε = d·λ)."""

import math
from itertools import pairwise

import pytest
import torch

import swflow
from swflow import FlowSettings, random_directions, simulate, sliced_wasserstein
from swflow.flow.source import draw_source
from swflow.settings import SourceSettings
from tests.helpers import normal, relaxed, run


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


@pytest.mark.parametrize(("dim", "mean", "spread"), [(2, 0.0, 1.0), (2, 2.0, 0.5), (8, 2.0, 0.5)])
def test_twin_is_the_homothety_of_the_source(dim: int, mean: float, spread: float) -> None:
    """FACTS 8: the twin is m + (s_τ/s₀)(x₀ − m₀) within 1 %, at every time, without collapse."""
    n, times = 20000, [1.0, 2.5, 5.0, 10.0]
    law = SourceSettings(mean=mean, scale=spread)
    source = draw_source(law, n, dim, quasi=True, generator=torch.Generator().manual_seed(3))
    target = normal(n, dim, 1, torch.float32)
    found = run(source, target, times=times, step=0.2, n_directions=64, entropy=0.2)[1:]
    s, _ = relaxed(0.2, spread, times)
    for snapshot, expected in zip(found, s, strict=True):
        assert snapshot.twin is not None
        centred = (source - source.mean(0)) / spread
        slope = float((snapshot.twin * centred).sum() / centred.square().sum())
        assert slope == pytest.approx(expected, rel=0.01)
        centre = mean * math.exp(-snapshot.time)
        # The target's mean has standard error 1/√n; the noise adds as much.
        assert float((snapshot.twin.mean(0) - centre).abs().max()) < 5 / math.sqrt(n)
        wanted = centre + expected * centred
        unexplained = (snapshot.twin - wanted).square().mean() / expected**2
        assert float(unexplained) < 0.01


def test_a_slower_twin_does_not_diffuse() -> None:
    """FACTS 8, long after the law has come to rest: whole steps carry scatter over, parts do not.

    Steps of h = .5 are whole until τ = 4, and then parts √(4/τ): the squares of all are
    8 + 8·log 50 = 39 until τ = 200, where whole steps take 400.
    """
    n, dim = 2000, 4
    source, target = normal(n, dim, 0, torch.float32), normal(n, dim, 1, torch.float32)
    s = (1 + math.sqrt(1 + 4 * 0.2)) / 2
    scatter = {}
    for part in (None, 8.0):
        settings = {"times": [200], "step": 0.5, "n_directions": 16, "entropy": 0.2}
        twin = run(source, target, **settings, twin_scatter=part)[-1].twin
        assert twin is not None
        wanted = s * (source - source.mean(0)) / source.std(0)
        scatter[part] = float((twin - twin.mean(0) - wanted).square().mean()) / s**2
        assert float(twin.std(0).mean()) == pytest.approx(s, rel=0.03)
    assert scatter[8.0] < scatter[None] / 3


def test_noisy_particles_forget_where_they_began() -> None:
    """FACTS 8, d = 2, λ = .1: x₀ explains .70, .45, .21, .05 of the variance at t = 2 … 20."""
    n, times = 20000, [1.0, 2.5, 5.0, 10.0]
    source, target = normal(n, 2, 0, torch.float32), normal(n, 2, 1, torch.float32)
    found = run(source, target, times=times, step=0.2, n_directions=16, entropy=0.2)[1:]
    s, phi = relaxed(0.2, 1.0, times)
    for snapshot, spread, slope, fact in zip(found, s, phi, [0.7, 0.45, 0.21, 0.05], strict=True):
        slopes = torch.linalg.lstsq(source, snapshot.particles).solution
        part = float((source @ slopes).var() / snapshot.particles.var())
        assert part == pytest.approx(fact, abs=0.02)
        assert slope**2 / spread**2 == pytest.approx(fact, abs=0.01)


def test_observations_of_the_current_velocity_have_it_as_their_mean() -> None:
    """Isotropic Gaussians: v − ε∇log ρ = m' + (s'/s)(x − m), for both integrators."""
    n, entropy, times = 20000, 0.2, [0.5, 1.0]
    source, target = 0.5 * normal(n, 2, 0, torch.float32), normal(n, 2, 1, torch.float32)
    (s, _), h = relaxed(entropy, 0.5, times), 0.1
    for integrator in ("splitting", "euler"):
        flow = {"times": times, "step": h, "n_directions": 64, "entropy": entropy}
        for snapshot, spread in zip(
            run(source, target, integrator=integrator, **flow)[1:], s, strict=True
        ):
            assert snapshot.current is not None
            x = snapshot.particles - snapshot.particles.mean(0)
            slope = float((snapshot.current * x).sum() / x.square().sum())
            expected = (1 - spread + entropy / spread) / spread
            # The noise has variance ε/h: standard error √(ε/h)/(s√(2n)) = .01; steps add O(h).
            assert slope == pytest.approx(expected, abs=0.05)


def test_too_few_directions_warn_and_far_too_few_are_refused() -> None:
    source, target = normal(20, 5, 0), normal(20, 5, 1)
    with pytest.warns(UserWarning, match="Use a multiple of 5"):
        run(source, target, times=[1], n_directions=8, step=0.5)
    with pytest.raises(
        ValueError, match=r"n_directions=1 in dimension 5 is unstable .* 0.511 and longer"
    ):
        run(source, target, times=[0.9], n_directions=1, step=0.9)


def test_distance_never_increases_and_decays_no_faster_than_allowed() -> None:
    """FACTS 10: SW(τ) ≥ e^(−τ) SW(0), and falls, up to the finite number of directions."""
    import numpy as np

    from swflow.datasets.planar import eight_gaussians, moons
    from swflow.settings import EightGaussiansSettings, MoonsSettings

    source = torch.from_numpy(moons(MoonsSettings(), 2000, np.random.default_rng(0)).x)
    target = torch.from_numpy(
        eight_gaussians(EightGaussiansSettings(), 2000, np.random.default_rng(1)).x
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


@pytest.mark.parametrize("entropy", [0.0, 0.1])
def test_points_are_carried_with_their_class(entropy: float) -> None:
    """A copy of every particle, carried, stays with it (with ε > 0: with its twin)."""
    labels = torch.arange(80) % 2
    source, target = normal(80, 2, 0), normal(90, 2, 1) + 9 * (torch.arange(90) % 2)[:, None]
    order = torch.randperm(80, generator=torch.Generator().manual_seed(2))
    *_, last = simulate(
        source,
        target,
        FlowSettings(times=[2], step=0.2, n_directions=8, entropy=entropy),
        generator=torch.Generator().manual_seed(0),
        source_labels=labels,
        target_labels=torch.arange(90) % 2,
        tracers=source[order],
        tracer_labels=labels[order],
    )
    goal = last.particles if last.twin is None else last.twin
    # Between two particles a carried point moves with both: an N-th of the spread apart.
    assert last.tracers is not None
    gap = (last.tracers - goal[order]).norm(dim=1)
    assert float(gap.median()) < 0.1
    assert float(gap.max()) < 1


def test_one_asked_class_flows_to_its_rows_alone() -> None:
    labels = torch.arange(80) % 2
    target = torch.where(labels[:, None] == 1, 5.0, -5.0) + 0.1 * normal(80, 2, 1)
    *_, last = simulate(
        normal(40, 2, 0),
        target,
        FlowSettings(times=[8], step=0.5, n_directions=8),
        generator=torch.Generator().manual_seed(0),
        source_labels=torch.ones(40, dtype=torch.long),
        target_labels=labels,
    )
    assert float(last.particles.min()) > 4


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
    ("change", "message"),
    [
        (
            {"source": torch.full((4, 2), math.nan)},
            "source has 8 non-finite values, the first at row 0",
        ),
        ({"target": torch.ones(4, 3)}, "dimensions differ"),
        ({"target": torch.ones(0, 2)}, "target has shape"),
        ({"source_labels": torch.zeros(4)}, "without target_labels: labels are needed"),
        (
            {"source_labels": torch.zeros(3), "target_labels": torch.zeros(4)},
            r"needed is \(4,\)",
        ),
        (
            {"source_labels": torch.arange(4), "target_labels": torch.zeros(4)},
            r"source_labels has \[1, 2, 3\], but there are only rows of \[0",
        ),
        ({"tracers": torch.ones(3, 5)}, r"tracers has shape \(3, 5\)"),
        (
            {
                "source_labels": torch.zeros(4),
                "target_labels": torch.zeros(4),
                "tracers": torch.ones(1, 2),
                "tracer_labels": torch.ones(1),
            },
            r"tracer_labels has \[1.0\]",
        ),
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
