"""Regularisers beside the entropy: a smoothed target between Gaussians has a closed form."""

import numpy as np
import pytest
import torch

from swflow.flow.regularisers.sliced_entropy import bandwidth
from swflow.runtime.errors import InputError
from swflow.settings import FlowSettings
from tests.helpers import normal, relaxed, run

WIDTH = 0.6


@pytest.mark.parametrize("target_batch", [None, 4000])
def test_a_smoothed_target_is_a_gaussian_of_its_own_width(target_batch: int | None) -> None:
    """N(m, s²I) smoothed is N(m, (s² + width²)I): the flow ends there."""
    n, dim, scale = 8000, 2, 0.5
    source, target = normal(n, dim, 0), 1 + scale * normal(n, dim, 1)
    smooth = {"regularisers": [{"kind": "smoothing", "width": WIDTH}]}
    given = {"times": [8], "step": 0.2, "n_directions": 16, "target_batch": target_batch}
    plain, smoothed = (run(source, target, **given, **more)[-1] for more in ({}, smooth))
    variance = float(smoothed.particles.var(dim=0).mean())
    # Standard error of a variance of 2n numbers, of those rows that are there; and steps of .2
    # average over fresh noise.
    error = (scale**2 + WIDTH**2) * np.sqrt(2 / (2 * n))
    assert abs(variance - (scale**2 + WIDTH**2)) < 5 * error
    assert abs(float(plain.particles.var(dim=0).mean()) - scale**2) < 5 * error
    mean = smoothed.particles.mean(dim=0) - 1
    assert float(mean.abs().max()) < 5 * np.sqrt((scale**2 + WIDTH**2) / n)


def test_noise_is_fresh_at_each_step_and_follows_the_generator() -> None:
    source, target = normal(200, 2, 0), torch.zeros(200, 2, dtype=torch.float64)
    settings = {"times": [1, 2], "step": 0.5, "n_directions": 8}
    smooth = {"regularisers": [{"kind": "smoothing"}]}
    first, again, other = (run(source, target, seed, **settings, **smooth) for seed in (1, 1, 2))
    assert torch.equal(first[-1].particles, again[-1].particles)
    assert not torch.equal(first[-1].particles, other[-1].particles)


def test_faulty_regularisers_are_named() -> None:
    with pytest.raises(ValueError, match="width"):
        FlowSettings(times=[1], regularisers=[{"kind": "smoothing", "width": 0}])
    with pytest.raises(ValueError, match="smoothing"):
        FlowSettings(times=[1], regularisers=[{"kind": "roughening"}])


def test_the_entropy_of_projections_is_that_of_an_isotropic_law() -> None:
    """FACTS 4, 19: s* = (1 + √(1 + 4ε))/2, without noise, where the kernel blurs little."""
    n, dim, strength = 8000, 4, 0.2
    source, target = 1.5 * normal(n, dim, 0), normal(n, dim, 1)
    given = {"times": [0.5, 6], "step": 0.1, "n_directions": 16}
    spread = {"regularisers": [{"kind": "sliced_entropy", "strength": strength}]}
    found = run(source, target, **given, **spread)
    again = run(source, target, **given, **spread)
    assert torch.equal(found[-1].particles, again[-1].particles)
    blurred = strength / (1 + bandwidth(n) ** 2)  # the factor s²/(s² + b²), at s = 1
    for snapshot, expected in zip(found[1:], relaxed(blurred, 1.5, [0.5, 6])[0], strict=True):
        s = float(snapshot.particles.std(dim=0).mean())
        # Standard error of a deviation of n·d numbers, twice, and the scatter of the kernel.
        assert s == pytest.approx(expected, rel=0.01)


def test_particles_on_a_point_spread_too() -> None:
    source, target = torch.zeros(500, 2), normal(500, 2, 1).float()
    spread = {"regularisers": [{"kind": "sliced_entropy", "strength": 0.01}]}
    end = run(source, target, times=[3], step=0.1, n_directions=8, **spread)[-1].particles
    assert torch.isfinite(end).all()
    assert float(end.std(dim=0).mean()) > 0.9


def test_steps_under_which_a_regulariser_is_unstable_are_named() -> None:
    source, target = normal(4000, 2, 0), normal(4000, 2, 1)
    spread = {"regularisers": [{"kind": "sliced_entropy", "strength": 1.0}]}
    with pytest.raises(InputError, match=r"sliced_entropy.*the longest allowed is 0\.0798"):
        run(source, target, times=[1], step=0.5, n_directions=8, **spread)
