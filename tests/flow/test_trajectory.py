"""Stored runs read back: which points runs share."""

import math
from pathlib import Path

import numpy as np
import torch

from swflow.flow.source import draw_source
from swflow.flow.trajectory import Trajectory, shared_rows
from swflow.representation.dataset import Dataset
from swflow.settings import SimulationSettings, SourceSettings
from swflow.stages.simulate import simulate_dataset
from tests.helpers import TINY_FLOW, run_of


def test_runs_carry_the_same_points(stores: list[list[Trajectory]]) -> None:
    first, second = stores[0][0].tracers(0), stores[1][0].tracers(0)
    assert first is not None
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(stores[0][0].particles(0), stores[1][0].particles(0))


def test_particles_without_noise_have_a_twin_where_asked_for(
    dataset: Dataset, tmp_path: Path
) -> None:
    """It is what source points are paired with, and is not asked for by itself."""
    stored = {}
    for twin in ("with_entropy", "always"):
        settings = SimulationSettings(**TINY_FLOW | {"n_particles": 200}, twin=twin, twin_scatter=1)
        simulate_dataset(dataset, settings, 0, tmp_path / f"{twin}.zarr", "cpu")
        stored[twin] = run_of(tmp_path / f"{twin}.zarr")
    with_twin, without = stored["always"], stored["with_entropy"]
    last = len(without.time) - 1
    np.testing.assert_array_equal(without.paired(last), without.particles(last))
    assert not np.array_equal(with_twin.paired(last), with_twin.particles(last))
    np.testing.assert_array_equal(with_twin.paired(0), with_twin.particles(0))
    np.testing.assert_array_equal(with_twin.current(last), with_twin.drift(last))
    shared = with_twin.paired(last)[with_twin.shared_rows]
    np.testing.assert_array_equal(with_twin.repeated(last), shared)
    first = with_twin.tracers(0)
    np.testing.assert_array_equal(with_twin.particles(0)[with_twin.shared_rows], first[:100])


def test_shared_rows_are_from_all_over_the_source() -> None:
    """Every k-th point of a Sobol sequence would lie in one part of the first coordinate."""
    law = SourceSettings(law="uniform")
    n, k = 32768, 1024
    x = draw_source(law, n, 2, quasi=True, generator=torch.Generator().manual_seed(0))
    positive = (x[shared_rows(n, k)] > 0).float().mean(dim=0)
    assert float((positive - 0.5).abs().max()) < 4 * 0.5 / math.sqrt(k)
