"""Structured directions: orthonormal blocks by fast transforms."""

import math

import pytest
import torch

from swflow.settings.slicing import StructuredSettings
from swflow.sliced.directions.dense import as_directions
from swflow.sliced.directions.structured import StructuredDirections, structured
from swflow.sliced.drift import drift
from swflow.sliced.plans.exact import Exact
from tests.sliced.test_drift import clouds


def drawn(n: int, dim: int, generator: torch.Generator) -> StructuredDirections:
    return structured(StructuredSettings(), n, (dim,), generator, torch.float64)


@pytest.mark.parametrize("dim", [1, 2, 5, 8, 33])
def test_structured_directions_are_orthonormal_blocks(dim: int, generator: torch.Generator) -> None:
    found = drawn(2 * dim, dim, generator)
    eye = torch.eye(dim, dtype=torch.float64)
    for part in found.blocks(1):
        rows, back = part.project(eye), torch.zeros_like(eye)
        torch.testing.assert_close(rows @ rows.T, eye)
        part.add_back(back, eye)
        torch.testing.assert_close(back, rows)


def test_structured_drift_is_that_along_its_directions(generator: torch.Generator) -> None:
    x, y = clouds(60, 45, 6)
    fast = drawn(12, 6, generator)
    eye = torch.eye(6, dtype=torch.float64)
    dense = as_directions(torch.cat([part.project(eye) for part in fast.blocks(1)]))
    for tracers in (x[:7], x[:0]):
        both = (drift(x, y, of, tracers, plan=Exact()) for of in (fast, dense))
        for found, expected in zip(*both, strict=True):
            torch.testing.assert_close(found, expected)


def test_structured_directions_are_spread_as_haar_ones(generator: torch.Generator) -> None:
    """Fourth moments of coordinates, 3/(d(d + 2)) on the sphere, within their scatter."""
    dim, blocks = 16, 400
    found = drawn(blocks * dim, dim, generator)
    eye = torch.eye(dim, dtype=torch.float64)
    rows = torch.cat([part.project(eye) for part in found.blocks(1)])
    expected = 3 / (dim * (dim + 2))
    # Discrete signs leave coordinates a little less spread than Haar's: within 5 %.
    assert float(rows.pow(4).mean()) == pytest.approx(expected, rel=0.05)
    assert float(rows.mean(dim=0).abs().max()) < 5 / math.sqrt(len(rows) * dim)


def test_structured_directions_need_whole_blocks(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="n_directions = 7 is no multiple"):
        drawn(7, 3, generator)


def test_processes_share_the_directions_out(generator: torch.Generator) -> None:
    """Each direction is one process's, and shares differ by a block at most."""
    found = drawn(35, 5, generator)
    shares = [found.share(rank, 3) for rank in range(3)]
    assert sorted(map(len, shares)) == [10, 10, 15]
    signs = torch.cat([share.signs for share in shares])
    assert sorted(map(str, signs.tolist())) == sorted(map(str, found.signs.tolist()))
