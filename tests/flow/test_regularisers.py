"""Regularisers beside the entropy: a smoothed target between Gaussians has a closed form."""

import numpy as np
import pytest
import torch

from swflow.settings import FlowSettings
from tests.helpers import normal, run

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
