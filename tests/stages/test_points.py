"""Samples, carried points and animations in files that people use."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

import swflow
from swflow.datasets.make import RawRows
from swflow.flow.trajectory import Trajectory
from swflow.models.draws import sampling_conditions
from swflow.randomness import keyed_generator
from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import FlowMapSettings, NetworkSettings, OptimiserSettings, VelocitySettings
from swflow.stages.loading import open_sampler
from swflow.stages.pictures import columns_of
from swflow.stages.points import read_points, write_points
from swflow.stages.prepare import write_splits
from swflow.stages.sample import write_samples
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from tests.helpers import invoke

QUICK = {
    "network": NetworkSettings(width=8, depth=1),
    "training": OptimiserSettings(steps=3, batch_size=16, precision="float32"),
}


def picture_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


@pytest.fixture(scope="module")
def model(folder: Path, dataset: Dataset, stores: list[list[Trajectory]]) -> Path:
    path = folder / "quick"
    train(FlowMapSettings(**QUICK), dataset, stores[0], 0, path, "cpu")
    return path


@pytest.fixture
def images() -> Affine:
    return Affine(np.full((4, 5), 0.5), 0.25, (4, 5), (0.0, 1.0))


def test_samples_as_an_array_are_the_models_in_data_units(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.npy"
    invoke("sample", model, "-n", 50, "--entropy", 0.05, "--time", 1.5, "--out", out)
    x = np.load(out)
    assert x.shape == (50, 2)
    assert abs(x.mean() - 10) < 3  # the data's centre
    invoke("sample", model, "-n", 50, "--entropy", 0.05, "--time", 1.5, "--out", tmp_path / "y.npy")
    np.testing.assert_array_equal(x, np.load(tmp_path / "y.npy"))
    invoke("sample", model, "-n", 50, "--seed", 1, "--quasi", "--out", tmp_path / "z.npy")
    assert np.load(tmp_path / "z.npy").shape == (50, 2)


def test_samples_at_many_points_are_groups(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.h5"
    invoke("sample", model, "-n", 20, "--entropy", 0, "--entropy", 0.05, "--time", 1, "--out", out)
    with h5py.File(out) as file:
        assert set(file) == {"entropy0", "entropy0.05"}
        assert file["entropy0.05/time1/passes1/x"].shape == (20, 2)


def test_transport_is_the_models(model: Path, tmp_path: Path) -> None:
    x0 = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    np.save(tmp_path / "x0.npy", x0)
    with h5py.File(tmp_path / "x0.h5", "w") as file:
        file["x"] = x0
    expected = swflow.load(model).transport(torch.from_numpy(x0), time=1.0, entropy=0.1)
    asked = ("--time", 1.0, "--entropy", 0.1)
    invoke("transport", model, tmp_path / "x0.npy", *asked, "--out", tmp_path / "y.npy")
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected)
    invoke(
        "transport", model, tmp_path / "x0.h5", *asked, "--data-units", "--out", tmp_path / "y.h5"
    )
    with h5py.File(tmp_path / "y.h5") as file:
        data = swflow.load(model).to_data(expected)
        np.testing.assert_allclose(file["x"][:], data, rtol=1e-6)
        assert bool(file.attrs["data_units"])
    invoke("transport", model, tmp_path / "x0.npy", "--out", tmp_path / "y.png")
    assert picture_size(tmp_path / "y.png")[0] > 300


def test_images_are_a_grid(images: Affine, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(10, 20)).astype(np.float32)
    write_points(x, images, tmp_path / "grid.png", to_data=False)
    width, height = picture_size(tmp_path / "grid.png")
    assert width > 200
    assert width / height == pytest.approx(4 * 6 / (3 * 5), rel=0.1)  # 10 images: 3 lines of 4
    with pytest.raises(InputError, match="at most 1024 images"):
        write_points(np.zeros((1025, 20), np.float32), images, tmp_path / "a.png", to_data=True)
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("source", ["model", "store", "noisy"])
def test_animation_moves_through_all_times(
    source: str, model: Path, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    path = {"model": model, "store": stores[0][0].store.path, "noisy": stores[0][1].store.path}[
        source
    ]
    out = tmp_path / "film.gif"
    invoke("animate", path, "-n", 40, "--frames", 4, "--rate", 2, "--out", out)
    with Image.open(out) as film:
        assert film.n_frames >= 4
        frames = []
        for k in range(film.n_frames):
            film.seek(k)
            frames.append(np.asarray(film.convert("L")))
    assert not np.array_equal(frames[0], frames[3])


def test_animation_as_mp4(model: Path, tmp_path: Path) -> None:
    from matplotlib.animation import writers

    if not writers.is_available("ffmpeg"):
        with pytest.raises(InputError, match=r"ffmpeg is not installed; .* write a .gif"):
            invoke("animate", model, "--frames", 3, "--out", tmp_path / "film.mp4")
        pytest.skip("ffmpeg is not installed: only the refusal was tested")
    invoke("animate", model, "--frames", 3, "--rate", 5, "--out", tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"


def test_images_move_too(images: Affine, tmp_path: Path) -> None:
    from swflow.stages.pictures import animate

    rng = np.random.default_rng(0)
    animate(images, lambda k: (f"{k}", rng.random((7, 4, 5))), 3, 2, tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames >= 3


@pytest.mark.parametrize(("n", "classes", "columns"), [(50, 10, 10), (50, 3, 6), (9, 0, 0)])
def test_films_of_few_classes_are_no_ribbons(n: int, classes: int, columns: int) -> None:
    assert columns_of(n, classes) == columns


def test_journey_passes_through_the_stored_particles(stores: list[list[Trajectory]]) -> None:
    sampler = open_sampler([stores[0][0].store.path])
    at = sampler.journey(1000, sampler.check(None, 0.0, None, 1), keyed_generator(0, "sample"))
    for k in (0, 3, 6):
        stored = np.sort(stores[0][0].particles(k), axis=0)
        found = np.sort(at(float(stores[0][0].time[k])), axis=0)
        np.testing.assert_allclose(found, stored, rtol=1e-5, atol=1e-5)


def test_points_are_checked(tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.ones((3, 4)))
    np.save(tmp_path / "holes.npy", np.array([[1.0, np.nan]]))
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    (tmp_path / "text.npy").write_text("no array")
    for name, message in {
        "wide": r"shape \(3, 4\), needed are points \(n, 2\)",
        "holes": "NaN or infinite",
        "words": "no points could be read",
        "text": "no points could be read",
        "absent": "no points could be read",
    }.items():
        with pytest.raises(InputError, match=message):
            read_points(tmp_path / f"{name}.npy", 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "{model}", "--entropy", 0.2, "--out", "a.h5"], "allowed is 0 to 0.1"),
        (["sample", "{model}", "--time", 9, "--out", "a.npy"], "time=9: allowed is 0 to 2"),
        (["sample", "{model}", "--passes", 2, "--out", "a.npy"], "one pass; use passes=1"),
        (["sample", "{store}", "--entropy", 0.3, "--out", "a.h5"], "entropy=0.3: allowed are 0"),
        (["sample", "{store}", "--time", 1.3, "--out", "a.h5"], "time=1.3: allowed are"),
        (["sample", "{model}", "--time", 1, "--time", 2, "--out", "a.npy"], "one value is needed"),
        (["sample", "{model}", "--out", "a.csv"], "ending must be one of .npy, .h5, .png"),
        (["transport", "{model}", "absent.npy", "--out", "a.npy"], "no points could be read"),
        (["animate", "{model}", "--out", "a.avi"], "ending must be .gif or .mp4"),
        (["animate", "{data}", "--out", "a.gif"], "test_set does not move"),
        (["animate", "{model}", "--entropy", 4, "--out", "a.gif"], "allowed is 0 to 0.1"),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_any_work(
    arguments: list[object],
    message: str,
    model: Path,
    stores: list[list[Trajectory]],
    dataset_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"{model}": model, "{store}": stores[0][0].store.path, "{data}": dataset_path}
    with pytest.raises(InputError, match=message):
        invoke(*[places.get(str(a), a) for a in arguments])
    assert list(tmp_path.iterdir()) == []


def test_passes_of_an_ode_are_groups(
    dataset: Dataset, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    train(VelocitySettings(passes=(1, 4), **QUICK), dataset, stores[0], 0, tmp_path / "m", "cpu")
    invoke("sample", tmp_path / "m", "-n", 5, "--time", 1, "--out", tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        assert set(file["entropy0.1/time1"]) == {"passes1", "passes4"}


def test_rows_in_one_dimension_are_drawn(tmp_path: Path) -> None:
    from swflow.stages.pictures import picture

    rng = np.random.default_rng(0)
    splits = {name: RawRows(rng.normal(size=(30, 1))) for name in ("train", "heldout", "test")}
    write_splits(splits, "line", tmp_path / "line.h5")
    data = read_dataset(tmp_path / "line.h5")
    sampler = open_sampler([tmp_path / "line.h5"])
    write_samples(sampler, 20, sampling_conditions(sampler), 0, tmp_path / "x.h5")
    picture([tmp_path / "x.h5"], data, tmp_path / "line", entropy=None)
    with Image.open(tmp_path / "line.png") as picture:
        red, _, blue = np.moveaxis(np.asarray(picture.convert("RGB"), dtype=int), 2, 0)
    assert (blue > red + 20).sum() > 20  # the points
