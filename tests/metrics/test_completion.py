"""Completed images, from the command line on: what is measured of them, shown and tabulated."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from swflow.cli.app import app
from swflow.metrics import memorisation
from swflow.metrics.completion import measure
from swflow.metrics.images import measure as images_measure
from swflow.metrics.names import SWAPPED
from swflow.metrics.subject import Subject
from swflow.models.completing import CompletingModel
from swflow.models.draws import sampling_conditions, stored_draws
from swflow.models.particles import Particles
from swflow.report.pictures import completions
from swflow.report.tables.completion import ANOTHER, table
from swflow.representation.dataset import Dataset
from swflow.settings import FlowMapSettings, HalfSettings, SimulationSettings
from swflow.stages.features import load_features, train_features
from swflow.stages.loading import completing, load
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from tests.helpers import run_of
from tests.metrics.test_images import FEATURES
from tests.representation.test_latents import images_file

FLOW = SimulationSettings(
    horizon=100,
    n_times=4,
    n_particles=1000,
    n_directions=120,
    directions="local",
    known=HalfSettings(side="top"),
)
MAP = FlowMapSettings(
    network={"width": 128, "depth": 3},
    training={"steps": 800, "batch_size": 128, "average_decay": 0.95},
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, features, a flow that holds their upper half, and its network."""
    folder = tmp_path_factory.mktemp("completed")
    images = read_dataset(images_file(folder))
    train_features(FEATURES, images, folder / "features", "cpu")
    simulate_dataset(images, FLOW, 0, folder / "flow.zarr", "cpu")
    train(MAP, images, [run_of(folder / "flow.zarr")], 0, folder / "map", "cpu")
    return folder


@pytest.fixture(scope="module")
def images(made: Path) -> Dataset:
    return read_dataset(made / "blobs.h5")


@pytest.fixture(scope="module")
def model(made: Path) -> CompletingModel:
    found = load(made / "map")
    assert isinstance(found, CompletingModel)
    return found


def subject_of(made: Path, images: Dataset, sampler: "CompletingModel | Particles") -> Subject:
    chosen = completing(sampler, lambda: images)
    draws = list(stored_draws(chosen, 60, sampling_conditions(chosen, times=[100.0]), 0))
    space = load_features(made / "features")
    return Subject(chosen, images, draws, images=images, features=space)


def scored(made: Path, images: Dataset, sampler: "CompletingModel | Particles") -> dict[str, float]:
    rows = list(measure(subject_of(made, images, sampler)))
    return {row.metric: row.value for row in rows} | {
        f"floor of {row.metric}": row.floor or 0.0 for row in rows
    }


def test_completions_go_with_what_is_known(
    made: Path, images: Dataset, model: CompletingModel
) -> None:
    """Bright blobs stay bright; halves of other images do not, and do not meet at the seam."""
    found = scored(made, images, model)
    assert found["completed_agreement"] > found[f"{SWAPPED}completed_agreement"] + 0.1
    assert found["completed_seam"] < 0.5 * found[f"{SWAPPED}completed_seam"]
    assert found[f"floor of {SWAPPED}completed_seam"] == found["floor of completed_seam"]
    assert 0 < found["completed_diversity"] < 0.8
    assert found["completed_frechet"] > 0


def test_of_a_flow_its_particles_are_measured(made: Path, images: Dataset) -> None:
    found = scored(made, images, Particles([run_of(made / "flow.zarr")]))
    assert {name for name in found if "floor" not in name} == {
        "completed_frechet",
        "completed_seam",
    }


def test_what_holds_pixels_of_rows_is_not_searched_for_copies(
    made: Path, images: Dataset, model: CompletingModel
) -> None:
    """Completed held-out images are near to those by that alone, and particles to training ones."""
    for sampler in (model, Particles([run_of(made / "flow.zarr")])):
        subject = subject_of(made, images, sampler)
        assert list(memorisation.measure(subject)) == []
        names = {row.metric for row in images_measure(subject)}
        assert {"feature_frechet", "pixel_frechet", "sharpness"} <= names
        assert not [name for name in names if "copied" in name or "memorisation" in name]


def test_the_table_has_a_row_for_each_and_one_for_the_control() -> None:
    rows = [
        ("flow_map", 0.1, "completed_frechet", 3.0, 1.5),
        ("flow_map", 0.1, "completed_agreement", 0.8, 0.9),
        ("flow_map", 0.1, "swapped_completed_agreement", 0.1, 0.9),
        ("particles", 0.1, "completed_seam", 2.0, 1.0),
        ("two_time", 0.1, "swapped_completed_agreement", 0.1, 0.9),
    ]
    names = ["model", "entropy", "metric", "value", "floor"]
    metrics = pd.DataFrame(rows, columns=names).assign(dataset="d", teacher="t", passes=1, seed=0)
    found = table(metrics).set_index("model")
    assert list(found.index) == ["flow_map", "particles", ANOTHER]
    assert found.loc["flow_map", "distance"] == 2
    assert found.loc["flow_map", "agreement"] == 80
    assert found.loc[ANOTHER, "agreement"] == 10
    assert found.loc[ANOTHER, "real"] == 90
    assert found.loc["particles", "seam"] == 2


def test_the_picture_shows_what_is_known_completions_and_the_images(
    images: Dataset, model: CompletingModel
) -> None:
    figure = completions.picture(model, images, 0)
    lines = [np.ma.filled(axes.images[0].get_array(), np.nan) for axes in figure.axes]
    names = [axes.get_ylabel() for axes in figure.axes]
    assert names == ["known", *(f"completed, {k}" for k in range(1, 5)), "real"]
    assert np.isnan(lines[0][6:]).all()
    for line in lines[1:]:
        np.testing.assert_allclose(line[:6], lines[0][:6], atol=1e-4)
    assert not np.allclose(lines[1][6:], lines[2][6:], equal_nan=True)


def test_images_of_a_file_are_completed(made: Path, images: Dataset, tmp_path: Path) -> None:
    real = images.units.decode(images.rows("heldout"))
    np.save(tmp_path / "known.npy", np.where(np.arange(12)[:, None] < 6, real, np.nan))
    out = tmp_path / "whole.npy"
    asked = ["complete", str(made / "map"), str(tmp_path / "known.npy"), "--out", str(out)]
    app(asked, standalone_mode=False)
    found = np.load(out)
    np.testing.assert_array_equal(found[:, :6], real[:, :6])
    assert np.isfinite(found).all()
    result = CliRunner().invoke(app, [*asked[:-1], str(tmp_path / "whole.txt")])
    assert "the ending must be one of" in str(result.exception)


def test_draws_complete_held_out_images(made: Path, images: Dataset, tmp_path: Path) -> None:
    asked = ["sample", str(made / "map"), "--out", str(tmp_path / "x.npy"), "-n", "20"]
    result = CliRunner().invoke(app, asked)
    assert "give swflow sample a dataset by --complete" in str(result.exception)
    app([*asked, "--complete", str(made / "blobs.h5")], standalone_mode=False)
    drawn = images.units.encode(np.load(tmp_path / "x.npy")).reshape(20, -1)
    known = drawn[:, : 6 * 10]
    heldout = images.fresh.rows()[:, : 6 * 10]
    np.testing.assert_allclose(
        np.abs(known[:, None] - heldout).max(axis=2).min(axis=1), 0, atol=1e-4
    )
