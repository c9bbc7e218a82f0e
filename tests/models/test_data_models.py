"""Models of the data alone: flow matching and kernel density, in the pipeline's own terms."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from swflow import load
from swflow.models.draws import sampling_conditions
from swflow.models.ode import adams_bashforth
from swflow.models.source_model import SourceModel
from swflow.models.spec import Condition
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import (
    FlowMatchingSettings,
    GaussianMixtureModelSettings,
    KernelDensitySettings,
    ModelSettings,
)
from swflow.stages.loading import open_sampler
from swflow.stages.sample import read_samples, write_samples
from swflow.stages.train import train

MATCHING = FlowMatchingSettings(
    passes=(1, 16),
    network={"width": 64, "depth": 2},
    training={"steps": 800, "batch_size": 128, "average_decay": 0.99, "precision": "float32"},
)


@pytest.fixture(scope="module")
def matching(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("matching") / "matching"
    train(MATCHING, dataset, [], 0, path, "cpu")
    return path


@pytest.mark.parametrize(("steps", "order"), [(50, 2)])
def test_the_ode_is_solved_to_second_order(steps: int, order: int) -> None:
    """dx/ds = x from 1 to e."""
    errors = [
        abs(
            float(adams_bashforth(lambda x, s: x, torch.ones(1, dtype=torch.float64), 1, n_steps=n))
            - math.e
        )
        for n in (steps, 2 * steps)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_one_evaluation_is_an_euler_step() -> None:
    assert float(adams_bashforth(lambda x, s: x + s, torch.ones(1), 2.0, n_steps=1)) == 3.0


def test_flow_matching_ends_at_the_data(matching: Path, dataset: Dataset) -> None:
    """Two clusters apart: both are there in their shares, and little is in between."""
    model = load(matching)
    assert isinstance(model, SourceModel)
    x = model.draw(4000, model.check(None, None, None, 16), torch.Generator().manual_seed(0)).x
    rows = torch.from_numpy(dataset.rows("train"))
    first = (rows.sum(dim=1) > 0).float().mean()
    assert float((x.sum(dim=1) > 0).float().mean()) == pytest.approx(float(first), abs=0.1)
    torch.testing.assert_close(x.std(dim=0), rows.std(dim=0), rtol=0.15, atol=0)


def test_same_seed_trains_the_same_bytes_whatever_numpys_generator(
    matching: Path, dataset: Dataset, tmp_path: Path
) -> None:
    """The coupling's package would draw from it."""
    np.random.seed(7)
    train(MATCHING, dataset, [], 0, tmp_path / "again", "cpu")
    weights = "weights.safetensors"
    assert (tmp_path / "again" / weights).read_bytes() == (matching / weights).read_bytes()


@pytest.mark.parametrize("bandwidth", [0.2, "cross_validation"])
def test_kernel_density_is_rows_and_noise(
    dataset: Dataset, tmp_path: Path, bandwidth: float | str
) -> None:
    settings = KernelDensitySettings(bandwidth=bandwidth)
    train(settings, dataset, [], 0, tmp_path / "kernel", "cpu")
    model = load(tmp_path / "kernel")
    used = float(model.tensors()["bandwidth"])
    assert 0.05 < used < 0.6  # of a unit: clusters are about a third of one wide
    n = 20000
    x = model.sample(n, generator=torch.Generator().manual_seed(0)).numpy()
    rows, scale = dataset.units.decode(dataset.rows("train")), dataset.units.scale
    covariance = np.cov(rows, rowvar=False, bias=True) + (used * scale) ** 2 * np.eye(2)
    error = 4 * math.sqrt(2 / n) * np.trace(covariance)
    np.testing.assert_allclose(np.cov(x, rowvar=False), covariance, atol=error)


@pytest.mark.parametrize(
    "change", [{"rows": torch.zeros(3, 5)}, {"bandwidth": torch.tensor(-1.0)}, {"rows": None}]
)
def test_kernel_density_of_foreign_numbers_is_refused(
    dataset: Dataset, tmp_path: Path, change: dict[str, torch.Tensor | None]
) -> None:
    train(KernelDensitySettings(bandwidth=0.2), dataset, [], 0, tmp_path / "kernel", "cpu")
    model = load(tmp_path / "kernel")
    tensors = {k: v for k, v in (model.tensors() | change).items() if v is not None}
    with pytest.raises(InputError, match="needed is"):
        type(model).rebuild(model.settings, model.spec, tensors)


@pytest.mark.parametrize(
    ("settings", "asked", "message"),
    [
        (KernelDensitySettings(bandwidth=0.2), {"time": 1.0}, "knows no time"),
        (KernelDensitySettings(bandwidth=0.2), {"entropy": 0.1}, "knows no entropy"),
        (KernelDensitySettings(bandwidth=0.2), {"quasi": True}, "draws no source points"),
        (MATCHING, {"time": 2.0}, "allowed is 0 to 1"),
        (MATCHING, {"passes": 0}, "at least 1 evaluation"),
    ],
)
def test_controls_that_they_lack_are_refused(
    matching: Path,
    dataset: Dataset,
    tmp_path: Path,
    settings: ModelSettings,
    asked: dict[str, float],
    message: str,
) -> None:
    path = matching
    if settings.kind == "kernel_density":
        path = tmp_path / "kernel"
        train(settings, dataset, [], 0, path, "cpu")
    with pytest.raises(InputError, match=message):
        load(path).sample(2, **asked)


def test_settings_are_json_that_any_reader_takes(matching: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads((matching / "settings.json").read_text(), parse_constant=refuse)


def test_draws_are_kept_at_the_end_for_each_number_of_evaluations(
    matching: Path, tmp_path: Path
) -> None:
    sampler = open_sampler([matching])
    write_samples(sampler, 20, sampling_conditions(sampler), 0, tmp_path / "samples.h5")
    found = [draws.condition for draws in read_samples(tmp_path / "samples.h5")]
    assert found == [Condition(None, 1.0, 1), Condition(None, 1.0, 16)]


LABELLED = [
    KernelDensitySettings(bandwidth=0.05, labels=True),
    GaussianMixtureModelSettings(n_components=2, labels=True),
    MATCHING.model_copy(update={"labels": True, "passes": (16,)}),
]


@pytest.fixture(scope="module")
def classed(dataset: Dataset) -> Dataset:
    """The clusters, each a class of its own: 3 and 7."""
    splits = {
        name: split._replace(y=np.where(split.rows().sum(axis=1) > 0, 7, 3))
        for name, split in dataset.splits.items()
    }
    return replace(dataset, splits=splits)


@pytest.mark.parametrize("settings", LABELLED, ids=lambda settings: settings.kind)
def test_models_of_the_data_learn_class_by_class(
    settings: ModelSettings, classed: Dataset, tmp_path: Path
) -> None:
    """A class asked for is drawn; all of them come in their shares, and say which they are."""
    train(settings, classed, [], 0, tmp_path / "model", "cpu")
    model = load(tmp_path / "model")
    generator = torch.Generator().manual_seed(0)
    passes = model.passes[-1]
    for label, sign in ((3, -1), (7, 1)):
        x = model.draw(500, model.check(None, None, label, passes), generator).x
        assert float((x.sum(dim=1) * sign > 0).float().mean()) > 0.97
    every = model.draw(2000, model.check(None, None, None, passes), generator)
    assert every.label is not None
    assert float(((every.x.sum(dim=1) > 0) == (every.label == 7)).float().mean()) > 0.97
    share = float((classed.splits["train"].y == 7).mean())
    assert float((every.label == 7).float().mean()) == pytest.approx(share, abs=0.05)
    with pytest.raises(InputError, match="label=4"):
        model.check(None, None, 4, passes)


def test_a_mixture_of_one_gaussian_has_the_rows_moments(dataset: Dataset, tmp_path: Path) -> None:
    train(GaussianMixtureModelSettings(), dataset, [], 0, tmp_path / "model", "cpu")
    model = load(tmp_path / "model")
    x = model.draw(40000, model.check(None, None, None, 1), torch.Generator().manual_seed(0)).x
    rows = dataset.rows("train")
    np.testing.assert_allclose(x.mean(dim=0), rows.mean(axis=0), atol=0.03)
    covariance = np.cov(rows, rowvar=False, bias=True)
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=0.03)


def test_more_gaussians_than_rows_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    settings = GaussianMixtureModelSettings(n_components=200)
    with pytest.raises(InputError, match="lower n_components"):
        train(settings, dataset, [], 0, tmp_path / "model", "cpu")


def test_classes_that_are_not_there_are_not_learned(dataset: Dataset, tmp_path: Path) -> None:
    unlabelled = {name: split._replace(y=None) for name, split in dataset.splits.items()}
    with pytest.raises(InputError, match="leave labels out"):
        train(LABELLED[0], replace(dataset, splits=unlabelled), [], 0, tmp_path / "model", "cpu")
