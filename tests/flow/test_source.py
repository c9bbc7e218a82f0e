"""Source laws: their moments, and points between two of them; streams of random numbers."""

import math

import numpy as np
import pytest
import torch

from swflow.flow.source import draw_source, interpolate_source
from swflow.randomness import keyed_generator
from swflow.settings import SourceSettings


@pytest.mark.parametrize("law", ["gaussian", "uniform"])
@pytest.mark.parametrize("quasi", [False, True])
def test_sources_have_their_moments(law: str, quasi: bool) -> None:
    settings = SourceSettings(law=law, mean=3.0, scale=2.0)
    n = 2**14
    x = draw_source(settings, n, 3, quasi=quasi, generator=keyed_generator(0))
    assert x.dtype == torch.float32
    assert torch.isfinite(x).all()
    np.testing.assert_allclose(x.mean(dim=0), 3, atol=5 * 2 / np.sqrt(n))
    np.testing.assert_allclose(np.cov(x.numpy().T), 4 * np.eye(3), atol=5 * 4 * np.sqrt(2 / n))
    if law == "uniform":
        assert float((x - 3).abs().max()) <= 2 * np.sqrt(3) + 1e-5


def test_quasi_random_points_have_a_largest_dimension() -> None:
    with pytest.raises(ValueError, match="at most 21201 dimensions, got 30000"):
        draw_source(SourceSettings(), 2, 30000, quasi=True, generator=keyed_generator(0))


def test_streams_differ_by_key_and_by_nothing_else() -> None:
    draws = [
        torch.rand(4, generator=keyed_generator(*key)) for key in (("a", 1), ("a", 2), ("b", 1))
    ]
    assert not torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(draws[0], torch.rand(4, generator=keyed_generator("a", 1)))


@pytest.mark.parametrize(
    "source",
    [SourceSettings(mean=2, scale=0.5), SourceSettings(law="uniform", mean=-1, scale=3)],
)
def test_points_between_source_points_have_the_law_of_the_source(
    source: SourceSettings,
) -> None:
    """Mean, spread and every decile, within five standard errors of 100,000 draws."""
    n, generator = 100_000, torch.Generator().manual_seed(0)
    a, b, fresh = (draw_source(source, n, 2, generator=generator) for _ in range(3))
    angle = math.pi / 2 * torch.rand(n, 1, generator=generator)
    between = interpolate_source(source, a, b, angle)
    levels = np.linspace(0.1, 0.9, 9)
    for x, y in zip(between.T.numpy(), fresh.T.numpy(), strict=True):
        # The largest standard error of a decile here is √(.09/n)/density ≤ 2σ/√n, twice over.
        error = 5 * 2 * math.sqrt(2) * source.scale / math.sqrt(n)
        np.testing.assert_allclose(np.quantile(x, levels), np.quantile(y, levels), atol=error)
        assert abs(x.mean() - source.mean) < error
    assert abs(float(torch.corrcoef(between.T)[0, 1])) < 5 / math.sqrt(n)


@pytest.mark.parametrize("law", ["gaussian", "uniform"])
def test_interpolation_begins_and_ends_at_its_points(law: str) -> None:
    source = SourceSettings(law=law)
    a, b = (draw_source(source, 50, 3, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    for angle, end in ((0.0, a), (math.pi / 2, b)):
        found = interpolate_source(source, a, b, torch.full((50, 1), angle))
        torch.testing.assert_close(found, end, rtol=1e-4, atol=1e-4)
