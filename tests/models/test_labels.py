"""Flows and maps made class by class: controls, shares, scores within a class."""

from pathlib import Path

import numpy as np
import pytest
import torch

import swflow
from swflow.datasets.make import RawRows
from swflow.flow.run import run_fresh
from swflow.flow.trajectory import Trajectory
from swflow.metrics import labels
from swflow.metrics.subject import Row, Subject
from swflow.models.draws import Draws, sampling_conditions
from swflow.models.flow_map import FlowMap
from swflow.models.heldout_rows import HeldoutRows
from swflow.models.particles import Particles
from swflow.models.spec import Condition
from swflow.representation.dataset import Dataset
from swflow.settings import (
    FlowMapSettings,
    GaussianFitSettings,
    NetworkSettings,
    OptimiserSettings,
    ScoreSettings,
    SimulationSettings,
)
from swflow.stages.loading import open_sampler
from swflow.stages.prepare import write_splits
from swflow.stages.sample import read_samples, write_samples
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from tests.helpers import TINY_FLOW, run_of

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
        splits[name] = RawRows(centre + rng.normal(size=(n, 2)), y)
    path = tmp_path_factory.mktemp("classes") / "classes.h5"
    write_splits(splits, "classes", path)
    return read_dataset(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, classes: Dataset) -> list[Trajectory]:
    folder = tmp_path_factory.mktemp("runs")
    settings = SimulationSettings(labels=True, **(TINY_FLOW | {"horizon": 6}))
    for seed in range(2):
        simulate_dataset(classes, settings, seed, folder / f"{seed}.zarr", "cpu")
    return [run_of(folder / f"{seed}.zarr") for seed in range(2)]


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, classes: Dataset, runs: list[Trajectory]
) -> Path:
    path = tmp_path_factory.mktemp("map") / "map"
    train(SMALL, classes, runs[:1], 0, path, "cpu")
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> FlowMap:
    found = swflow.load(folder)
    assert isinstance(found, FlowMap)
    return found


def test_classes_and_shares_are_stored_with_the_network(model: FlowMap) -> None:
    assert model.spec.labels == (3, 7)
    assert model.spec.label_shares == pytest.approx((0.25, 0.75))


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
    train(GaussianFitSettings(), classes, runs[:1], 0, tmp_path / "fit", "cpu")
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
    first, second = (run.tracers(len(run.time) - 1) for run in runs)
    assert first is not None
    assert second is not None
    assert np.square(first - second).mean() < 0.05 * second.var()


def test_fresh_particles_of_the_cost_flow_class_by_class(
    classes: Dataset, runs: list[Trajectory]
) -> None:
    end = run_fresh(classes, runs[0].settings, 40, torch.Generator().manual_seed(0))
    # Ten of 40 in the first class, all near its centre.
    assert int((end[:, 0] < -1).sum()) == 10


def test_scores_of_a_class_tell_its_draws_from_another(
    classes: Dataset, runs: list[Trajectory], model: FlowMap
) -> None:
    end = Condition(0.0, float(runs[0].time[-1]))
    x, label = model.draw(2000, end, torch.Generator().manual_seed(0))
    assert label is not None

    def scores(of: np.ndarray) -> list[Row]:
        draws = Draws(end, x.numpy(), of)
        few = ScoreSettings(n_directions=8)
        return list(labels.measure(Subject(model, classes, [draws], runs[1:], few)))

    *own, agreement = scores(label.numpy())
    assert [(row.label, row.metric, row.n) for row in own] == [
        (3, "sw2_class", 400),
        (7, "sw2_class", 1200),
    ]
    assert agreement.metric == "label_agreement"
    assert agreement.value > 0.98
    *swapped, disagreement = scores(10 - label.numpy())
    for right, wrong in zip(own, swapped, strict=True):
        assert right.value < 0.02
        assert wrong.value > 0.5
    assert disagreement.value == pytest.approx(1 - agreement.value)


def test_rows_of_many_numbers_are_not_given_to_the_classifier(
    classes: Dataset, runs: list[Trajectory], model: FlowMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "MOST_NUMBERS", classes.dim - 1)
    end = Condition(0.0, float(runs[0].time[-1]))
    x, label = model.draw(100, end, torch.Generator().manual_seed(0))
    assert label is not None
    draws = Draws(end, x.numpy(), label.numpy())
    rows = list(labels.measure(Subject(model, classes, [draws], runs[1:], ScoreSettings())))
    assert {row.metric for row in rows} == {"sw2_class"}


def test_agreement_is_the_part_that_a_classifier_of_real_rows_confirms(classes: Dataset) -> None:
    training, heldout = classes.splits["train"], classes.splits["heldout"]
    assert training.y is not None
    assert heldout.y is not None
    classifier = labels.LabelClassifier(classes.rows("train"), training.y)
    assert classifier.agreement(classes.rows("heldout"), heldout.y) == 1
    assert classifier.agreement(classes.rows("heldout"), np.full(80, 3)) == pytest.approx(0.25)


def test_a_class_is_asked_for_on_the_command_line(
    folder: Path, runs: list[Trajectory], tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from swflow.cli.app import app

    for source in (folder, runs[0].store.path):
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
    write_samples(sampler, 30, sampling_conditions(sampler)[-1:], 0, tmp_path / "x.h5")
    (draws,) = read_samples(tmp_path / "x.h5")
    assert draws.label is not None
    assert set(draws.label) <= {3, 7}
    assert ((draws.x[:, 0] < 0) == (draws.label == 3)).mean() > 0.9


def test_real_rows_come_with_their_classes(classes: Dataset) -> None:
    sampler = HeldoutRows(classes)
    x, label = sampler.draw(80, Condition(None, None), torch.Generator().manual_seed(0))
    assert label is not None
    assert ((sampler.to_data(x)[:, 0] < 0) == (label == 3)).all()
