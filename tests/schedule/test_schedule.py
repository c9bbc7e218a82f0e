"""Stored times, the steps between them, and how long steps may be."""

import math
from itertools import pairwise

import numpy as np
import pytest

from swflow import FlowSettings
from swflow.schedule.stability import (
    growth_of_mean,
    longest_stable_step,
    longest_step,
    stationary_spread,
)
from swflow.schedule.steps import step_schedule, step_size, stored_times


def test_stored_times_begin_with_zero() -> None:
    assert stored_times(FlowSettings(times=[1, 2])) == [0.0, 1.0, 2.0]
    assert stored_times(FlowSettings(times=[0, 2])) == [0.0, 2.0]
    grid = stored_times(FlowSettings(horizon=10, n_times=5))
    assert len(grid) == 5
    assert (grid[0], grid[-1]) == (0.0, 10.0)
    ratios = np.diff(np.log1p(grid))
    assert np.allclose(ratios, ratios[0])


@pytest.mark.parametrize("integrator", ["euler", "splitting"])
def test_longest_step_is_where_the_stationary_spread_is_off_by_the_limit(integrator: str) -> None:
    for entropy in (0.3, 0.5, 2.0):
        longest = longest_step(entropy, integrator)
        found = stationary_spread(entropy, longest * 0.999, integrator)
        if longest < 1.99:
            assert found == pytest.approx(stationary_spread(entropy) * 1.05, rel=1e-3)
    assert longest_step(0.0, "splitting") == math.inf
    assert longest_step(0.0, "euler") == pytest.approx(2)


def test_stationary_spread_of_short_steps_is_that_of_facts() -> None:
    """FACTS 4 at h = .2, ε = .2: Euler +.19 %, splitting +.05 %."""
    exact = stationary_spread(0.2)
    assert stationary_spread(0.2, 0.2, "euler") / exact - 1 == pytest.approx(0.0019, abs=5e-5)
    assert stationary_spread(0.2, 0.2) / exact - 1 == pytest.approx(0.0005, abs=5e-5)


def test_growth_of_the_mean_is_that_of_facts() -> None:
    """FACTS 11: P = 8, d = 10 independent diverges; P = 50, d = 40 blocks .119."""
    assert growth_of_mean(1.0, 8, 10, orthonormal=False) > 1
    assert growth_of_mean(1.0, 50, 40, orthonormal=True) == pytest.approx(0.12, abs=0.002)
    assert growth_of_mean(0.6, 10, 40, orthonormal=True) == pytest.approx(1.24)
    assert growth_of_mean(1.0, 80, 40, orthonormal=True) == pytest.approx(0)
    # P < d: stable for h < 2P/d.
    assert longest_stable_step(10, 40, True, "euler") == pytest.approx(0.5)
    assert longest_stable_step(10, 40, True, "splitting") == pytest.approx(math.log(2))
    assert longest_stable_step(30, 40, True, "splitting") == math.inf


@pytest.mark.parametrize(
    "settings",
    [
        {"entropy": 0.5, "step": 2.0},
        {"entropy": 2.0, "step": 0.6, "integrator": "euler"},
        {"entropy": 0.0, "step": 2.0, "integrator": "euler"},
    ],
)
def test_unstable_steps_are_refused_with_their_bound(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unstable with entropy = .* the longest allowed by"):
        FlowSettings(horizon=50, n_times=3, **settings)


@pytest.mark.parametrize(
    "settings",
    [{"times": [0.3, 1, 1.05]}, {"horizon": 50, "n_times": 7}, {"horizon": 2, "step": 0.3}],
)
def test_steps_hit_stored_times_and_stay_below_the_schedule(settings: dict[str, object]) -> None:
    flow = FlowSettings(**settings)
    steps = step_schedule(flow)
    ends = [s.time + s.size for s in steps if s.stored]
    assert ends == pytest.approx(stored_times(flow)[1:])
    assert all(s.size <= step_size(flow, s.time) * (1 + 1e-9) for s in steps)
    for before, after in pairwise(steps):
        assert before.time + before.size == pytest.approx(after.time)
