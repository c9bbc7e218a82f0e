"""Flows and maps made class by class: controls, shares, scores within a class."""

from pathlib import Path

import numpy as np
import pytest
import torch

import swflow
from swflow import pictures
from swflow.datasets import Dataset, RawDataset, Split, read_dataset, write_dataset
from swflow.metrics.agreement import Judge
from swflow.metrics.cost import run_flow
from swflow.metrics.fidelity import class_fidelity
from swflow.models.base import Point
from swflow.models.fit import fit_model
from swflow.models.flow_map import FlowMap
from swflow.models.particles import Particles
from swflow.models.test_set import TestSet
from swflow.sampling import open_sampler, read_samples, sampling_points, write_samples
from swflow.settings import (
    FlowMapSettings,
    GaussianFitSettings,
    NetworkSettings,
    OptimiserSettings,
    ScoreSettings,
    SimulationSettings,
)
from swflow.simulation import simulate_dataset
from swflow.trajectory import Trajectory
from tests.conftest import TINY_FLOW

CENTRES = {3: -4.0, 7: 4.0}  # labels need not be 0, 1, 2
SMALL = FlowMapSettings(
    network=NetworkSettings(width=32, depth=2),
    training=OptimiserSettings(steps=600, batch_size=256, average_decay=0.98, precision="float32"),
)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two clusters, a quarter of the rows in the first."""
    rng = np.random.default_rng(0)
    splits = {}
    for name, n in (("train", 160), ("heldout", 80), ("test", 40)):
        y = np.where(np.arange(n) % 4 == 0, 3, 7)
        centre = np.vectorize(CENTRES.__getitem__)(y)[:, None]
        splits[name] = Split(centre + rng.normal(size=(n, 2)), y)
    path = tmp_path_factory.mktemp("classes") / "classes.h5"
    write_dataset(path, "classes", RawDataset(splits, {"source": "test"}))
    return read_dataset(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, classes: Dataset) -> list[Trajectory]:
    folder = tmp_path_factory.mktemp("runs")
    settings = SimulationSettings(labels=True, **(TINY_FLOW | {"horizon": 6}))
    for seed in range(2):
        simulate_dataset(classes, settings, seed, folder / f"{seed}.zarr", "cpu")
    return [Trajectory(folder / f"{seed}.zarr") for seed in range(2)]


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, classes: Dataset, runs: list[Trajectory]
) -> Path:
    path = tmp_path_factory.mktemp("map") / "map"
    fit_model(SMALL, classes, runs[:1], 0, path, "cpu")
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> FlowMap:
    found = swflow.load(folder)
    assert isinstance(found, FlowMap)
    return found


def test_classes_and_shares_are_stored_with_the_network(model: FlowMap) -> None:
    assert model.domain.labels == (3, 7)
    assert model.domain.label_shares == pytest.approx((0.25, 0.75))


@pytest.mark.parametrize("label", [3, 7])
@pytest.mark.parametrize("quasi", [False, True])
def test_draws_of_a_class_lie_in_its_cluster(model: FlowMap, label: int, quasi: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = model.sample(500, label=label, quasi=quasi, generator=generator)
    # In data units; the standard error of such a mean is 1/√500 = .045.
    assert float(x.mean()) == pytest.approx(CENTRES[label], abs=0.25)
    assert float((x.sign() == np.sign(CENTRES[label])).all(dim=1).float().mean()) > 0.98


@pytest.mark.parametrize("quasi", [False, True])
def test_without_a_class_all_are_drawn_in_their_shares(model: FlowMap, quasi: bool) -> None:
    point = model.check(None, None, None, 1)
    x, label = model.draw(4000, point, torch.Generator().manual_seed(0), quasi)
    assert label is not None
    # The deviation of a share of 4,000 draws is √(3/16/4000) = .7 %; evenly spread: none.
    near = 0 if quasi else 0.03
    assert float((label == 3).float().mean()) == pytest.approx(0.25, abs=near)
    for known, centre in CENTRES.items():
        assert float(model.to_data(x[label == known]).mean()) == pytest.approx(centre, abs=0.25)
    assert len(label.unique_consecutive()) > 1000  # in random order


def test_transport_takes_one_class_or_one_of_each_point(model: FlowMap) -> None:
    x0 = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    each = torch.tensor([3, 7, 3, 7, 7, 3])
    mixed = model.transport(x0, label=each)
    for label in (3, 7):
        of = each == label
        torch.testing.assert_close(mixed[of], model.transport(x0, label=label)[of])


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, "say the class of the points, of 3, 7"),
        (5, "label=5: allowed are 3, 7"),
        (torch.tensor([3, 5, 7]), "label=5: allowed are 3, 7"),
        (torch.tensor([3, 7]), r"label has shape \(2,\): needed is \(3,\)"),
    ],
)
def test_unknown_classes_are_refused(
    model: FlowMap, label: int | torch.Tensor | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        model.transport(torch.ones(3, 2), label=label)


def test_one_gaussian_for_all_knows_no_class(
    classes: Dataset, runs: list[Trajectory], tmp_path: Path
) -> None:
    fit_model(GaussianFitSettings(), classes, runs[:1], 0, tmp_path / "fit", "cpu")
    with pytest.raises(ValueError, match="knows no labels"):
        swflow.load(tmp_path / "fit").sample(5, label=3)


def test_stored_particles_are_drawn_by_class(runs: list[Trajectory]) -> None:
    particles = Particles(runs[:1])
    point = particles.check(None, None, 3, 1)
    x, label = particles.draw(50, point, torch.Generator().manual_seed(0))
    assert label is not None
    assert set(label.tolist()) == {3}
    assert float(x.max()) < float(particles.cloud(point._replace(label=7)).x.min()) + 1
    with pytest.raises(ValueError, match="allowed are 3, 7"):
        particles.sample(5, label=1)


def test_points_carried_class_by_class_repeat_from_run_to_run(runs: list[Trajectory]) -> None:
    first, second = (run.carried(len(run.time) - 1) for run in runs)
    assert first is not None
    assert second is not None
    assert np.square(first - second).mean() < 0.05 * second.var()


def test_fresh_particles_of_the_cost_flow_class_by_class(
    classes: Dataset, runs: list[Trajectory]
) -> None:
    end = run_flow(classes, SimulationSettings.model_validate(runs[0].settings), 40)
    # Ten of 40 in the first class, all near its centre.
    assert int((end[:, 0] < -1).sum()) == 10


def test_scores_of_a_class_tell_its_draws_from_another(
    runs: list[Trajectory], model: FlowMap
) -> None:
    few = ScoreSettings(n_directions=8)
    end = Point(0.0, float(runs[0].time[-1]))
    x, label = model.draw(2000, end, torch.Generator().manual_seed(0))
    assert label is not None
    own = list(class_fidelity(x.numpy(), label.numpy(), runs[1], end, few, 0))
    assert [(of, name) for of, name, _, _ in own] == [(3, "sw2_class"), (7, "sw2_class")]
    assert [n for *_, n in own] == [400, 1200]
    swapped = class_fidelity(x.numpy(), 10 - label.numpy(), runs[1], end, few, 0)
    for (_, _, value, _), (_, _, wrong, _) in zip(own, swapped, strict=True):
        assert value < 0.02
        assert wrong > 0.5


def test_agreement_is_the_part_that_a_classifier_of_real_rows_confirms(classes: Dataset) -> None:
    train, heldout = classes.splits["train"], classes.splits["heldout"]
    assert train.y is not None
    assert heldout.y is not None
    judge = Judge(classes.rows("train"), train.y)
    assert judge.agreement(classes.rows("heldout"), heldout.y) == 1
    assert judge.agreement(classes.rows("heldout"), np.full(80, 3)) == pytest.approx(0.25)


def test_a_class_is_asked_for_on_the_command_line(
    folder: Path, runs: list[Trajectory], tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from swflow.cli import app

    for source in (folder, runs[0].path):
        out = tmp_path / "threes.npy"
        asked = ["sample", str(source), "--out", str(out), "-n", "40", "--label", "3"]
        assert CliRunner().invoke(app, asked).exit_code == 0
        assert np.load(out).mean() == pytest.approx(CENTRES[3], abs=1)
    unknown = CliRunner().invoke(app, [*asked[:-1], "5"])
    assert "label=5: allowed are 3, 7" in str(unknown.exception)
    movie = tmp_path / "threes.gif"
    assert (
        not CliRunner()
        .invoke(app, ["animate", str(folder), "--out", str(movie), "--label", "3", "--frames", "2"])
        .exception
    )
    assert movie.stat().st_size


def test_samples_keep_their_classes(folder: Path, tmp_path: Path) -> None:
    sampler = open_sampler([folder])
    write_samples(sampler, 30, sampling_points(sampler)[-1:], 0, tmp_path / "x.h5")
    (draws,) = read_samples(tmp_path / "x.h5")
    assert draws.label is not None
    assert set(draws.label) <= {3, 7}
    assert ((draws.x[:, 0] < 0) == (draws.label == 3)).mean() > 0.9


def test_pictures_show_the_classes_in_order() -> None:
    label = np.array([7, 3, 7, 7, 3, 7])
    first, second = pictures._by_class(label, 2)
    assert label[first].tolist() == [3, 7] * 4
    assert first.tolist() == [1, 0, 4, 2, 1, 3, 4, 5]  # the third 3 is the first again
    assert second.tolist()[:2] == [1, 0]


def test_real_rows_come_with_their_classes(classes: Dataset) -> None:
    sampler = TestSet(classes)
    nan = float("nan")
    x, label = sampler.draw(80, Point(nan, nan), torch.Generator().manual_seed(0))
    assert label is not None
    assert ((sampler.to_data(x)[:, 0] < 0) == (label == 3)).all()
