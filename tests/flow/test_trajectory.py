"""Stored runs read back: which points runs share."""

import math

import numpy as np
import torch

from swflow.flow.source import draw_source
from swflow.flow.trajectory import Trajectory, shared_rows
from swflow.settings import SourceSettings


def test_runs_carry_the_same_points(stores: list[list[Trajectory]]) -> None:
    first, second = stores[0][0].tracers(0), stores[1][0].tracers(0)
    assert first is not None
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(stores[0][0].particles(0), stores[1][0].particles(0))


def test_shared_rows_are_from_all_over_the_source() -> None:
    """Every k-th point of a Sobol sequence would lie in one part of the first coordinate."""
    law = SourceSettings(law="uniform")
    n, k = 32768, 1024
    x = draw_source(law, n, 2, quasi=True, generator=torch.Generator().manual_seed(0))
    positive = (x[shared_rows(n, k)] > 0).float().mean(dim=0)
    assert float((positive - 0.5).abs().max()) < 4 * 0.5 / math.sqrt(k)
