"""Two-time maps: passes compose; times between those learned; points between source points."""

from pathlib import Path

import pytest
import torch

import swflow
from swflow.flow.trajectory import Trajectory
from swflow.metrics import fidelity
from swflow.metrics.fidelity import composition_defect, repeatability, unexplained_variance
from swflow.metrics.subject import Subject
from swflow.models.conditioned import learned_indices
from swflow.models.draws import Draws
from swflow.models.two_time_map import TwoTimeMap
from swflow.representation.dataset import Dataset
from swflow.settings import (
    FlowMapSettings,
    NetworkSettings,
    OptimiserSettings,
    ScoreSettings,
    TwoTimeMapSettings,
)
from swflow.stages.train import train

TRAINING = OptimiserSettings(steps=1500, batch_size=256, average_decay=0.99, precision="float32")
SHAPE = NetworkSettings(width=64, depth=3)

# Times the repeatability: two are the least that the map of one run can be from another.
NEAR = 10


@pytest.fixture(scope="module")
def model(folder: Path, dataset: Dataset, stores: list[list[Trajectory]]) -> TwoTimeMap:
    settings = TwoTimeMapSettings(network=SHAPE, training=TRAINING, passes=(1, 2, 4))
    train(settings, dataset, stores[0], 0, folder / "two-time", "cpu")
    found = swflow.load(folder / "two-time")
    assert isinstance(found, TwoTimeMap)
    return found


def repeated(first: Trajectory, second: Trajectory, index: int) -> float:
    """The repeatability of the flow, in percent: .01 to .3 with 1,000 particles."""
    own, other = first.repeated(index), second.repeated(index)
    assert own is not None
    assert other is not None
    return repeatability(own, other)


def test_map_between_equal_times_is_the_identity(model: TwoTimeMap) -> None:
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(0))
    conditions = model.conditions(1.3, 1.3, 0.1)
    assert torch.equal(model.predict(model.network, x, conditions), x)
    assert torch.equal(model.transport(x, time=0, passes=4), x)


@pytest.mark.parametrize("passes", [1, 2, 4, 8])
@pytest.mark.parametrize("entropy", [0, 1])
def test_any_number_of_passes_leads_to_the_flow(
    model: TwoTimeMap, stores: list[list[Trajectory]], passes: int, entropy: int
) -> None:
    """On a run that was not learned from: near what a second run of so few particles differs by."""
    learned, other = stores[0][entropy], stores[1][entropy]
    assert unexplained_variance(model, other, 6, passes)[0] < NEAR * repeated(learned, other, 6)
    if passes > 1:
        defect, _ = composition_defect(model, other, 6, passes)
        assert 0 < defect < NEAR * repeated(learned, other, 6)


def test_only_composing_maps_have_a_defect(
    model: TwoTimeMap, dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    few = ScoreSettings(n_draws=50, n_large=60, n_classifier=40)
    for passes in (1, 2):
        condition = model.check(None, 0.1, None, passes)
        x = model.draw(60, condition, torch.Generator().manual_seed(0)).x.numpy()
        draws = Draws(condition, x)
        subject = Subject(model, dataset, [draws], stores[1], few)
        names = {row.metric for row in fidelity.measure(subject)}
        assert ("defect" in names) == (passes == 2)
        assert {"sw2_quasi", "sw2_interpolated", "uvp"} <= names


def test_passes_are_refused_below_one(model: TwoTimeMap) -> None:
    with pytest.raises(ValueError, match="at least 1 pass"):
        model.sample(3, passes=0)


def test_every_other_time_is_learned_and_the_rest_lie_between(
    folder: Path, dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    settings = FlowMapSettings(network=SHAPE, training=TRAINING, time_stride=2)
    train(settings, dataset, stores[0][:1], 0, folder / "stride", "cpu")
    model, store = swflow.load(folder / "stride"), stores[1][0]
    times = store.time.tolist()
    assert model.spec.times == pytest.approx([times[k] for k in (0, 2, 4, 6)])
    for k in range(1, 7):
        assert unexplained_variance(model, store, k)[0] < NEAR * repeated(stores[0][0], store, k)


@pytest.mark.parametrize(
    ("n", "stride", "expected"),
    [(6, 1, [0, 1, 2, 3, 4, 5]), (7, 2, [0, 2, 4, 6]), (6, 2, [0, 1, 3, 5]), (4, 9, [0, 3])],
)
def test_learned_times_are_counted_from_the_last(n: int, stride: int, expected: list[int]) -> None:
    assert learned_indices(n, stride) == expected


def test_linear_clock_is_stored_and_exact_at_both_ends(
    folder: Path, dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    settings = FlowMapSettings(
        clock="linear", network=SHAPE, training=TRAINING.model_copy(update={"steps": 2})
    )
    train(settings, dataset, stores[0][:1], 0, folder / "linear", "cpu")
    model = swflow.load(folder / "linear")
    assert [model.clock(time) for time in (0.0, 0.5, 2.0)] == [0, 0.25, 1]
    assert model.time_of(0.25) == 0.5
