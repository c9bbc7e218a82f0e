"""Transports along a direction: exact against a slow reference, sketches, histograms."""

import math
from functools import partial

import numpy as np
import ot
import pytest
import torch

from swflow import FlowSettings, random_directions, simulate, sliced_velocity, sliced_wasserstein
from swflow.settings.slicing import (
    EntropicSettings,
    HistogramSettings,
    SketchSettings,
    UnbalancedSettings,
)
from swflow.sliced import sorting
from swflow.sliced.directions.dense import as_directions
from swflow.sliced.distances import evaluation_directions
from swflow.sliced.drift import drift
from swflow.sliced.plans.entropic import Entropic
from swflow.sliced.plans.exact import Exact
from swflow.sliced.plans.histogram import Histogram
from swflow.sliced.plans.partial import matched_moves
from swflow.sliced.plans.sketch import Sketch
from swflow.sliced.plans.unbalanced import Unbalanced
from swflow.sliced.sorting import displaced, sorted_rows
from tests import helpers, reference


def sketched(n_quantiles: int) -> Sketch:
    return Sketch(SketchSettings(n_quantiles=n_quantiles))


normal = partial(helpers.normal, dtype=torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("n", "m", "dim"),
    [(20, 20, 3), (20, 7, 3), (7, 20, 3), (1, 5, 2), (5, 1, 2), (1, 1, 4), (9, 6, 1)],
)
def test_exact_drift_is_the_reference(n: int, m: int, dim: int, dtype: torch.dtype) -> None:
    x, y = normal(n, dim, 0).to(dtype), (1 + normal(m, dim, 1)).to(dtype)
    thetas = random_directions(6, dim, dtype=dtype, generator=torch.Generator().manual_seed(2))
    expected = reference.drift(x.numpy(), y.numpy(), thetas.numpy())
    # Rounding of numbers of size about 5, scaled by d.
    tolerance = 20 * dim * torch.finfo(dtype).eps
    np.testing.assert_allclose(sliced_velocity(x, y, thetas), expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_duplicated_points_share_goals_in_order_of_index(dtype: torch.dtype) -> None:
    """Equal particles are moved apart, to neighbouring goals; their mean goes where it should."""
    x = normal(5, 2, 0).to(dtype).repeat(4, 1)
    y = normal(20, 2, 1).to(dtype)
    thetas = random_directions(4, 2, dtype=dtype, generator=torch.Generator().manual_seed(2))
    found = sliced_velocity(x, y, thetas)
    assert torch.isfinite(found).all()
    projected = (thetas[:1] @ x.T).contiguous()
    goals = torch.arange(20, dtype=dtype)[None]
    moved, _ = displaced(projected, goals, keep_order=False)
    again, _ = displaced(projected.clone(), goals, keep_order=False, overwrite=True)
    torch.testing.assert_close(again, moved, rtol=0, atol=0)
    # Each direction's goals are handed out once, ties in order of index.
    ranks = (moved + projected)[0].round().long()
    assert sorted(ranks.tolist()) == list(range(20))
    for copies in ranks.reshape(4, 5).T:
        assert (copies.diff() == 1).all()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3000])
def test_rows_are_sorted_whatever_they_hold(
    n: int, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative, huge, tiny, subnormal, equal and infinite numbers, both zeros."""
    if compiled:
        monkeypatch.setattr(sorting, "WORTH_LOADING", 0)
    rows = normal(7, n, 0)
    rows[1] *= 1e30
    rows[2] *= 1e-42
    rows[3] = rows[3].round()
    rows[4] = -rows[4].abs()
    rows[5, 0] = math.inf
    rows[6] = 0
    rows[6, ::2] = -0.0
    expected = rows.sort(dim=1).values
    torch.testing.assert_close(sorted_rows(rows), expected, rtol=0, atol=0)
    torch.testing.assert_close(sorted_rows(rows.clone(), overwrite=True), expected, rtol=0, atol=0)
    _, ordered = displaced(rows, torch.zeros_like(rows), keep_order=True)
    torch.testing.assert_close(ordered, expected, rtol=0, atol=0)


def test_threads_change_nothing() -> None:
    x, y, thetas = normal(500, 8, 0), normal(700, 8, 1), random_directions(16, 8)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = sliced_velocity(x, y, thetas)
        torch.set_num_threads(3)
        torch.testing.assert_close(sliced_velocity(x, y, thetas), alone, rtol=1e-5, atol=1e-6)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(("n", "m"), [(400, 400), (400, 130), (130, 400)])
def test_sketch_is_numpys_quantiles_joined_linearly(n: int, m: int) -> None:
    x, y, tracers = (normal(3, k, k).double() for k in (n, m, 50))
    levels = np.linspace(0, 1, 11)
    found = sketched(11).displacement(x, sketched(11).goals(y, n), tracers)
    for moved, points in zip(found, (x, tracers), strict=True):
        for row in range(3):
            knots, aims = np.quantile(x[row], levels), np.quantile(y[row], levels)
            expected = np.interp(points[row], knots, aims - knots)
            np.testing.assert_allclose(moved[row], expected, atol=1e-12)


@pytest.mark.parametrize(("n_quantiles", "expected"), [(100, 0.043), (500, 0.002)])
def test_linear_quantiles_inflate_the_variance(n_quantiles: int, expected: float) -> None:
    """FACTS 14: of normal samples (the largest of 5,000 to 6,000 of them ends the last line)."""
    n, repeats = 5500, 200
    x = normal(repeats, n, 0)
    knots = sketched(n_quantiles).goals(x, n).double()
    low, high = knots[:, :-1], knots[:, 1:]
    variance = ((low**2 + low * high + high**2) / 3).mean(dim=1) - knots.mean(dim=1) ** 2
    error = 3 * float(variance.std()) / math.sqrt(repeats)
    assert float(variance.mean()) - 1 == pytest.approx(expected, abs=error + 0.002)


def test_inflation_mostly_cancels_when_both_sides_use_quantiles() -> None:
    """FACTS 14: the law that a sketch of 100 quantiles moves to has the target's variance."""
    n = 5500
    x, y = 2 * normal(20, n, 0), normal(20, n, 1)
    sketch = sketched(100)
    moved, _ = sketch.displacement(x, sketch.goals(y, n), x[:, :0])
    ratio = (x + moved).var(dim=1) / y.var(dim=1)
    assert float(ratio.mean()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("n_bins", [256, 4096])
def test_histogram_errs_by_less_than_a_bin(n_bins: int) -> None:
    """Where most particles lie; a few in the tails, far from their neighbours, by more."""
    n = 20_000
    x, y = normal(1, n, 0), 2 + 0.5 * normal(1, n, 1).exp()
    exact, _ = Exact().displacement(x.clone(), Exact().goals(y.clone(), n), x[:, :0])
    counted = Histogram(HistogramSettings(n_bins=n_bins))
    found, _ = counted.displacement(x, counted.goals(y, n), x[:, :0])
    width = (float(x.max() - x.min()) + float(y.max() - y.min())) / n_bins
    error = (found - exact).abs()
    assert float(error.quantile(0.9)) < width
    assert float(error.square().mean() / exact.square().mean()) ** 0.5 < 0.01


def test_histogram_flow_is_the_exact_flow_nearly() -> None:
    """Off by the gaps between the outermost particles: the k-th of n is σ / (k √(2 ln n))."""
    n, target_std = 20_000, 2
    x, y = normal(n, 3, 0), 1 + target_std * normal(n, 3, 1)
    thetas = as_directions(random_directions(12, 3))
    exact, _ = drift(x, y, thetas, x[:5], plan=Exact())
    found, _ = drift(x, y, thetas, x[:5], plan=Histogram())
    # Squares along a direction, of gaps (Σ 1/k² = π²/6 in each of two tails) and of the whole move.
    gaps = 2 * math.pi**2 / 6 * (1 + target_std**2) / (2 * math.log(n))
    moved = n * (1 + (target_std - 1) ** 2)
    assert float((found - exact).norm() / exact.norm()) < math.sqrt(gaps / moved)


def mixture(n: int, dim: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn(8, dim, generator=torch.Generator().manual_seed(99))
    which = torch.randint(8, (n,), generator=generator)
    return centres[which] + 0.3 * torch.randn(n, dim, generator=generator)


def test_fixed_sketches_fit_their_own_directions_alone() -> None:
    """FACTS 15: P = 64 fixed sketches, d = 32, 200 steps; fresh directions reach the floor."""
    n, dim = 1000, 32
    source, target, heldout = normal(n, dim, 0), mixture(n, dim, 1), mixture(n, dim, 2)
    measured = evaluation_directions(256, dim, torch.Generator().manual_seed(5))
    ends = {}
    for redraw in (False, True):
        settings = FlowSettings(
            times=[200], step=1, n_directions=64, transport="sketch", redraw=redraw
        )
        *_, last = simulate(source, target, settings, generator=torch.Generator().manual_seed(3))
        ends[redraw] = last
    floor = float(sliced_wasserstein(target, heldout, measured))
    fixed, fresh = (
        float(sliced_wasserstein(ends[redraw].particles, heldout, measured))
        for redraw in (False, True)
    )
    assert fixed > 2.5 * floor
    assert fresh < 1.3 * floor
    # Along its own directions the fixed flow has come to rest.
    assert ends[False].drift.norm() < 0.1 * (target - ends[False].particles).norm()


def test_sketch_is_the_published_algorithm_by_default() -> None:
    """Liutkus et al. 2019, algorithm 1: X += h·v + √(2λh)·Z along fixed directions."""
    settings = FlowSettings(times=[1], step=0.5, n_directions=4, transport="sketch", entropy=0.1)
    assert (settings.redraw, settings.integrator) == (False, "euler")
    assert settings.transport == SketchSettings(n_quantiles=100)
    source, target = normal(3000, 2, 0), normal(3000, 2, 1) + 1
    quiet = settings.model_copy(update={"entropy": 0.0})
    (noisy, calm) = (
        list(
            simulate(
                source,
                target,
                s.model_copy(update={"times": (0.5,)}),
                generator=torch.Generator().manual_seed(3),
            )
        )[-1].particles
        for s in (settings, quiet)
    )
    # One step: the noise alone differs, with variance 2εh.
    difference = noisy - calm
    assert float(difference.var()) == pytest.approx(2 * 0.1 * 0.5, rel=4 / math.sqrt(3000))


def test_a_sketch_needs_no_target_after_its_first_step() -> None:
    """It is all that is kept: reading the target later is an error here."""

    class Once:
        shape = (400, 2)

        def __init__(self) -> None:
            self.reads = 0

        def __len__(self) -> int:
            return 400

        def __getitem__(self, rows: slice) -> torch.Tensor:
            self.reads += 1
            return normal(400, 2, 1)[rows]

    target = Once()
    settings = FlowSettings(times=[1, 2], step=0.5, n_directions=4, transport="sketch")
    generator = torch.Generator().manual_seed(3)
    assert len(list(simulate(normal(300, 2, 0), target, settings, generator=generator))) == 3
    assert target.reads == 1


def entropic(**settings: object) -> Entropic:
    return Entropic(EntropicSettings(**settings))


def lines(n: int, seed: int) -> torch.Tensor:
    """Three lines of n points, increasing, the last with a heavy tail."""
    x = normal(3, n, seed).double()
    x[2] = x[2].abs() ** 3
    return x.sort(dim=1).values


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_entropic_plan_is_the_one_of_a_peer(temperature: float) -> None:
    """As many parts as points: POT's Sinkhorn, its plan's conditional means."""
    x, y = (of.T.double().contiguous() for of in (normal(30, 2, 0), 1 + 2 * normal(30, 2, 1)))
    plan = entropic(temperature=temperature, n_parts=30, n_iterations=500)
    moved, _ = plan.displacement(x, plan.goals(y, 30), x[:, :0])
    weights = np.full(30, 1 / 30)
    for line in range(2):
        a, b = x[line].numpy(), y[line].numpy()
        cost = (a[:, None] - b) ** 2 / 2
        joint = ot.sinkhorn(
            weights, weights, cost, temperature, "sinkhorn_log", numItermax=10**5, stopThr=1e-9
        )
        partners = 30 * joint @ b
        np.testing.assert_allclose(moved[line], partners - a, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.01, 0.1, 0.5])
def test_the_entropic_map_between_gaussians_has_the_slope_of_its_closed_form(
    temperature: float,
) -> None:
    """FACTS 19: c/s² with c = −γ/2 + √(γ²/4 + s²s₁²), by quantiles of both laws, three steps in."""
    s, s1, n = 0.8, 1.5, 4096
    levels = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    line = torch.special.ndtri(levels)[None]
    x, y = s * line, s1 * line
    plan, debiased = (
        entropic(temperature=temperature, n_parts=128, n_iterations=100, debiased=of)
        for of in (False, True)
    )

    def slope(variance: float, goal: float) -> float:
        c = -temperature / 2 + math.sqrt(temperature**2 / 4 + variance * goal)
        return c / variance

    for of, expected in (
        (plan, slope(s**2, s1**2) - 1),
        (debiased, slope(s**2, s1**2) - slope(s**2, s**2)),
    ):
        moved, _ = of.displacement(x, of.goals(y, n), x[:, :0])
        middle = line.abs() < 1.5  # parts are few in the tails
        found = float((moved * x)[middle].sum() / x.square()[middle].sum())
        assert found == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("debiased", [False, True])
def test_a_flow_by_entropic_plans_shrinks_unless_it_is_debiased(debiased: bool) -> None:
    """FACTS 19: to rest at s² = s₁² − γ, or at s₁."""
    n, gamma = 4000, 0.3
    source, target = normal(n, 2, 0), normal(n, 2, 1)
    plan = {"kind": "entropic", "temperature": gamma, "debiased": debiased}
    given = {"times": [8], "step": 0.4, "n_directions": 8, "transport": plan}
    end = helpers.run(source, target, 0, **given)[-1].particles
    expected = float(target.var(dim=0).mean()) - (0 if debiased else gamma)
    assert float(end.var(dim=0).mean()) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("n_pairs", [1, 7, 19, 20])
def test_the_partial_plan_is_the_one_of_a_peer(n_pairs: int) -> None:
    """POT's solver of the line, which knows no mass but a number of pairs."""
    x, y = lines(20, 0), 1 + 2 * lines(20, 1)
    moved = matched_moves(x, y, n_pairs)
    for of, to, move in zip(x.numpy(), y.numpy(), moved.numpy(), strict=True):
        chosen, partners, costs = ot.partial.partial_wasserstein_1d(of, to, n_pairs, p=2)
        expected = np.zeros(20)
        expected[np.sort(chosen)] = to[np.sort(partners)] - of[np.sort(chosen)]
        assert (move**2).sum() == pytest.approx(np.sum(costs))
        np.testing.assert_allclose(move, expected, atol=1e-12)


def test_a_partial_flow_leaves_what_is_far_away_where_it_is() -> None:
    """A tenth of the target lies far off: where four fifths travel, none goes to it."""
    n = 2000
    source, target = normal(n, 2, 0), normal(n, 2, 1)
    target[: n // 10] += 30
    ends = {}
    for mass in (0.8, 1.0):
        plan = {"kind": "partial", "mass": mass}
        given = {"times": [6], "step": 0.5, "n_directions": 8, "transport": plan}
        ends[mass] = helpers.run(source, target, 0, **given)[-1].particles
    assert float(ends[0.8].max()) < 8
    assert float(ends[1.0].max()) > 15
    assert float(ends[0.8].mean(dim=0).norm()) < 0.2


@pytest.mark.parametrize("price", [0.3, 3.0])
def test_the_unbalanced_plan_is_the_one_of_a_peer(price: float) -> None:
    """POT's solver, of the cost |x − y|² at twice the price: what its marginals leave to move."""
    x, y = lines(20, 0), 1 + 2 * lines(20, 1)
    plan = Unbalanced(UnbalancedSettings(price=price, n_parts=20, n_iterations=2000))
    moved = plan.moves(x, y)
    given = {"p": 2, "numItermax": 2000, "returnCost": "total"}
    first, second, _ = ot.unbalanced.uot_1d(x.T, y.T, 2 * price, **given)
    for line in range(3):
        a, b = first[:, line].numpy(), second[:, line].numpy()
        joint = ot.emd_1d(x[line].numpy(), y[line].numpy(), a / a.sum(), b / b.sum())
        partners = joint @ y[line].numpy() / joint.sum(axis=1)
        expected = 20 * a * (partners - x[line].numpy())
        # Frank-Wolfe steps leave an error of the inverse of their number.
        np.testing.assert_allclose(moved[line], expected, atol=0.02, rtol=0.01)


@pytest.mark.parametrize("price", [0.2, 2.0])
def test_parts_that_are_where_they_belong_do_not_move(price: float) -> None:
    """By the default's steps; of another sample of the same law as far as with very many."""
    x, other = lines(64, 0), lines(64, 1)
    few, many = (Unbalanced(UnbalancedSettings(price=price, n_iterations=n)) for n in (50, 3000))
    assert float(few.moves(x, x).square().mean()) ** 0.5 < 0.002
    moved, expected = few.moves(x, other), many.moves(x, other)
    assert float((moved - expected).square().mean()) ** 0.5 < 0.02
    assert float(expected.square().mean()) ** 0.5 > 0.05


def test_an_unbalanced_plan_of_a_high_price_is_the_exact_one() -> None:
    x, y = lines(40, 0), 1 + 2 * lines(40, 1)
    plan = Unbalanced(UnbalancedSettings(price=1e9, n_parts=40))
    torch.testing.assert_close(plan.moves(x, y), y - x, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("mass", [0.0, 1.1])
def test_a_mass_that_is_none_is_named(mass: float) -> None:
    with pytest.raises(ValueError, match=r"transport\.partial\.mass"):
        FlowSettings(times=[1], transport={"kind": "partial", "mass": mass})
