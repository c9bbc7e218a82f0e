"""Fidelity: a run against another scores its own floor; points that runs share."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from swflow.flow.trajectory import Trajectory
from swflow.metrics import fidelity
from swflow.metrics.distance import DistanceTo
from swflow.metrics.fidelity import repeatability
from swflow.metrics.subject import Subject
from swflow.models.draws import Draws
from swflow.models.particles import Particles
from swflow.models.spec import Condition
from swflow.representation.dataset import Dataset
from swflow.settings import ScoreSettings
from swflow.sliced.distances import sliced_wasserstein
from tests.helpers import normal, values

FEW = ScoreSettings(n_draws=100, n_redraws=5, n_large=200, n_directions=8, n_classifier=100)


def scores(runs: list[Trajectory], reference: Trajectory, dataset: Dataset) -> dict[str, float]:
    """Of draws at the end of a run, against another one of its entropy."""
    sampler, end = Particles(runs), Condition(reference.entropy, float(reference.time[-1]))
    x = sampler.draw(100, end, torch.Generator().manual_seed(0)).x.numpy()
    subject = Subject(sampler, dataset, [Draws(end, x)], [reference], FEW)
    return values(fidelity.measure(subject))  # type: ignore[arg-type]


@pytest.mark.parametrize(("n", "m"), [(50, 50), (70, 30), (30, 70), (31, 77)])
def test_distances_to_a_cloud_are_sliced_wasserstein(n: int, m: int) -> None:
    x, y = normal(n, 3, 0, torch.float32), 1 + normal(m, 3, 1, torch.float32)
    to_y = DistanceTo(y, 8, seed=0)
    expected = float(sliced_wasserstein(x, y, to_y.directions)) ** 2
    assert to_y(x) == pytest.approx(expected, rel=1e-5)
    assert to_y(x) == to_y(x)  # what is kept changes nothing


def test_flow_scores_its_own_floor(dataset: Dataset, stores: list[list[Trajectory]]) -> None:
    """A run against another: run-to-run below draws; repeatability from the tracers."""
    reference = stores[1][0]
    found = scores(stores[2], reference, dataset)
    assert 0 < found["sw2_large"] < found["sw2"]
    # The mean of five redraws: their scatter is a good part of each.
    assert found["sw2_error"] < found["sw2"]
    first, second = stores[2][0].tracers(6), reference.tracers(6)
    assert first is not None
    assert second is not None
    assert found["uvp"] == pytest.approx(repeatability(first, second))


def test_conditions_side_by_side_score_the_same(
    dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    sampler = Particles(stores[2])
    draws = [
        Draws(at, sampler.draw(100, at, torch.Generator().manual_seed(0)).x.numpy())
        for at in (Condition(e, float(t)) for e in (0.0, 0.1) for t in stores[1][0].time[1:])
    ]
    alone = Subject(sampler, dataset, draws, stores[1], FEW)
    with ThreadPoolExecutor(3) as workers:
        together = replace(alone, workers=workers)
        assert list(fidelity.measure(together)) == list(fidelity.measure(alone))


def test_draws_without_a_reference_of_their_entropy_are_named(
    dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    draws = [Draws(Condition(0.1, 2.0), np.zeros((5, 2), np.float32))]
    subject = Subject(Particles(stores[2]), dataset, draws, stores[1][:1], FEW)
    with pytest.raises(ValueError, match=r"entropy 0\.1 have no reference run: given are 0"):
        list(fidelity.measure(subject))


def test_repeatability_of_noise_is_its_share_of_variance() -> None:
    """Two runs X = S + noise each: ½E|X − X′|²/Var is the noise's share."""
    rng = np.random.default_rng(0)
    signal = 2 * rng.normal(size=(40000, 2))
    runs = [signal + rng.normal(size=signal.shape) for _ in range(2)]
    assert repeatability(*runs) == pytest.approx(20, rel=0.05)


def test_with_entropy_twins_of_common_source_points_repeat(
    dataset: Dataset,
    stores: list[list[Trajectory]],
) -> None:
    first, second = stores[2][1], stores[1][1]
    assert len(first.shared_rows) == min(first.settings.n_tracers, first.shape[0] // 2)
    assert sorted([*first.shared_rows, *first.own_rows]) == list(range(first.shape[0]))
    sources = [store.particles(0) for store in (first, second)]
    np.testing.assert_array_equal(*(x[first.shared_rows] for x in sources))
    assert not np.isin(*(x[first.own_rows, 0] for x in sources)).any()
    found = scores(stores[2], second, dataset)
    twins = [store.paired(6)[first.shared_rows] for store in (first, second)]
    assert found["uvp"] == pytest.approx(repeatability(*twins))
