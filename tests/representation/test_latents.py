"""Autoencoders of images, and latents as a dataset whose samples are images."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import swflow
from swflow.datasets.latent import latents
from swflow.datasets.make import RawRows
from swflow.events import image_shape
from swflow.models.source_model import SourceModel
from swflow.networks.convolutional import Classifier, pyramid
from swflow.report.pictures.interpolation import picture
from swflow.representation.affine import Affine
from swflow.representation.autoencoder import difference, fit_autoencoder
from swflow.representation.dataset import Dataset
from swflow.representation.decoder import ImageDecoder
from swflow.representation.features import perceived_difference
from swflow.runtime.errors import InputError
from swflow.runtime.termination import TerminatedError
from swflow.settings import FlowMapSettings, LatentSettings, SimulationSettings
from swflow.stages.autoencoder import load_autoencoder, train_autoencoder
from swflow.stages.fitting import Watch
from swflow.stages.loading import open_sampler
from swflow.stages.prepare import prepare, write_splits
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from swflow.store.model import DECODER
from swflow.training.loop import TrainingRun, TrainingState
from tests.helpers import TINY_FLOW, run_of

SETTINGS = LatentSettings(
    of="blobs",
    dim=4,
    network={"width": 8},
    training={"steps": 400, "batch_size": 32, "average_decay": 0.9},
    critic={"dim": 8, "network": {"width": 8}, "training": {"steps": 30, "batch_size": 32}},
)


def blobs(shape: tuple[int, ...], n: int, seed: int) -> RawRows:
    """Images of one blob each: where it is, and how bright, are three numbers. Two classes."""
    rng = np.random.default_rng(seed)
    height, width = shape[-2:]
    y = np.arange(n) % 2
    at = rng.uniform(0.3, 0.7, (n, 2)) * [height, width]
    rows, columns = np.mgrid[:height, :width]
    squared = (rows - at[:, :1, None]) ** 2 + (columns - at[:, 1:, None]) ** 2
    images = (100 + 100 * y[:, None, None]) * np.exp(-squared / (height / 4) ** 2)
    if len(shape) == 3:
        images = np.stack([images * (k + 1) / shape[0] for k in range(shape[0])], axis=1)
    return RawRows(images, y, {"licence": "none", "official_test": False})


def images_file(folder: Path, shape: tuple[int, ...] = (12, 10)) -> Path:
    path = folder / "blobs.h5"
    sizes = {"train": 200, "heldout": 60, "test": 40}
    splits = {name: blobs(shape, n, seed) for seed, (name, n) in enumerate(sizes.items())}
    write_splits(splits, "blobs", path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, an autoencoder of them, and their latents."""
    folder = tmp_path_factory.mktemp("latents")
    images = read_dataset(images_file(folder))
    train_autoencoder(SETTINGS, images, folder / "autoencoder", "cpu")
    prepare(
        SETTINGS, "codes", folder / "codes.h5", images=images, autoencoder=folder / "autoencoder"
    )
    return folder


@pytest.fixture(scope="module")
def images(made: Path) -> Dataset:
    return read_dataset(made / "blobs.h5")


@pytest.fixture(scope="module")
def codes(made: Path) -> Dataset:
    return read_dataset(made / "codes.h5")


def test_latents_keep_splits_labels_and_origin(images: Dataset, codes: Dataset) -> None:
    for split, rows in images.splits.items():
        assert codes.rows(split).shape == (len(rows.x), 4)
        np.testing.assert_array_equal(codes.splits[split].y, rows.y)
    np.testing.assert_allclose(codes.rows("train").mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(codes.rows("train").var(axis=0), 1, atol=0.02)  # each of them
    assert codes.attributes["of"] == "blobs"
    assert codes.attributes["licence"] == "none"
    assert codes.units.event_shape == (4,)
    assert codes.units.data_shape == (12, 10)
    assert codes.units.value_range == images.units.value_range


def test_latents_decode_to_the_images(images: Dataset, codes: Dataset) -> None:
    """Far nearer than the mean image, which is what knows nothing of an image."""
    real = images.units.decode(images.rows("heldout"))
    made = codes.units.decode(codes.rows("heldout"))
    assert made.shape == real.shape == (60, 12, 10)
    assert made.dtype == np.float32
    explained = 1 - np.square(made - real).sum() / np.square(real - real.mean(axis=0)).sum()
    assert explained > 0.8


def test_same_seed_same_bytes_another_seed_others(made: Path, images: Dataset) -> None:
    for seed, same in ((0, True), (1, False)):
        settings = SETTINGS.model_copy(update={"seed": seed})
        out = made / f"again{seed}"
        train_autoencoder(settings, images, out, "cpu")
        first, second = (load_autoencoder(f).tensors() for f in (made / "autoencoder", out))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first) == same


def test_told_to_stop_it_goes_on_to_the_same_bytes(
    made: Path, images: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, followed = made / "stopped", Watch.after_step

    def after_step(self: Watch, state: TrainingState[Any]) -> None:
        if state.step == 101:
            signal.raise_signal(signal.SIGTERM)
        followed(self, state)

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "after_step", after_step)
        with pytest.raises(TerminatedError, match=r"stopped\.checkpoint holds step 101 of 400"):
            train_autoencoder(SETTINGS, images, out, "cpu")
    assert not out.exists()
    train_autoencoder(SETTINGS, images, out, "cpu")
    first, second = (load_autoencoder(f).tensors() for f in (made / "autoencoder", out))
    assert all(torch.equal(first[name], second[name]) for name in first)
    with pytest.raises(InputError, match="not a readable model folder"):
        load_autoencoder(made / "nowhere")


@pytest.mark.parametrize("shape", [(7, 5), (3, 16, 16), (1, 9, 30), (28, 28)])
@pytest.mark.parametrize("divergence", [0.0, 1e-3])
def test_any_shape_can_be_learned(
    shape: tuple[int, ...], divergence: float, tmp_path: Path
) -> None:
    images = read_dataset(images_file(tmp_path, shape))
    few = {"steps": 2, "batch_size": 16}
    settings = SETTINGS.model_copy(
        update={"divergence": divergence, "training": SETTINGS.training.model_copy(update=few)}
    )
    train_autoencoder(settings, images, tmp_path / "a", "cpu")
    units, splits = latents(load_autoencoder(tmp_path / "a"), images)
    decoded = units.decode(units.encode(np.asarray(splits["test"].x)))
    assert decoded.shape == (40, *shape)
    low, high = images.units.value_range
    assert low <= decoded.min() <= decoded.max() <= high


def test_models_and_flows_of_latents_draw_images(made: Path, codes: Dataset) -> None:
    store, folder = made / "flow.zarr", made / "map"
    settings = SimulationSettings(labels=True, **TINY_FLOW)
    simulate_dataset(codes, settings, 0, store, "cpu")
    learned = FlowMapSettings(network={"width": 16, "depth": 2}, training={"steps": 20})
    train(learned, codes, [run_of(store)], 0, folder, "cpu")
    (made / "codes.h5").rename(made / "hidden.h5")  # a model is complete in itself
    try:
        model = swflow.load(folder)
        for sampler in (model, open_sampler([store])):
            x = sampler.sample(5, generator=torch.Generator().manual_seed(0))
            assert x.shape == (5, 12, 10)
        assert model.sample(2, label=1).shape == (2, 12, 10)
        carried = model.transport(torch.zeros(5, 4), label=0)  # type: ignore[attr-defined]
        assert carried.shape == (5, 4)  # model units
        assert model.to_data(carried).shape == (5, 12, 10)
    finally:
        (made / "hidden.h5").rename(made / "codes.h5")


def test_damaged_decoder_is_named(made: Path, codes: Dataset) -> None:
    folder = made / "gaussian"
    store = made / "plain.zarr"
    simulate_dataset(codes, SimulationSettings(**TINY_FLOW), 0, store, "cpu")
    train(
        FlowMapSettings(network={"width": 8, "depth": 1}, training={"steps": 2}),
        codes,
        [run_of(store)],
        0,
        folder,
        "cpu",
    )
    decoder = folder / DECODER
    decoder.write_bytes(decoder.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"decoder.safetensors is not what was written"):
        swflow.load(folder)
    decoder.unlink()
    with pytest.raises(InputError, match="not a readable model folder"):
        swflow.load(folder)


def test_flipped_byte_of_a_datasets_decoder_is_named(made: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(made / "codes.h5", tmp_path))
    with h5py.File(path, "r+") as file:
        file["decoder"][-1] ^= 1
    with pytest.raises(InputError, match=r"codes.h5: the rows are not those that were written"):
        read_dataset(path)


def test_autoencoder_of_other_images_is_refused(made: Path, tmp_path: Path) -> None:
    other = read_dataset(images_file(tmp_path, (12, 12)))
    with pytest.raises(InputError, match=r"fitted to dataset 'blobs'.*train one for it"):
        latents(load_autoencoder(made / "autoencoder"), other)


def test_fewer_rows_are_the_last_under_the_same_autoencoder(
    made: Path, images: Dataset, codes: Dataset, tmp_path: Path
) -> None:
    few = SETTINGS.model_copy(update={"autoencoder": "codes", "n_train": 50})
    prepare(few, "few", tmp_path / "few.h5", images=images, autoencoder=made / "autoencoder")
    found = read_dataset(tmp_path / "few.h5")
    # In their own units.
    encoded = found.units.encode(Affine.decode(codes.units, codes.rows("train", 200)[-50:]))
    np.testing.assert_allclose(found.rows("train"), encoded, atol=1e-5)
    np.testing.assert_array_equal(found.splits["train"].y, images.splits["train"].y[-50:])
    assert found.size("heldout") == codes.size("heldout")
    others = few.model_copy(update={"n_train": 60, "but_last": 50})
    prepare(others, "o", tmp_path / "o.h5", images=images, autoencoder=made / "autoencoder")
    kept = read_dataset(tmp_path / "o.h5")
    np.testing.assert_array_equal(kept.splits["train"].y, images.splits["train"].y[90:150])
    assert kept.attributes["but_last"] == 50
    many = SETTINGS.model_copy(update={"n_train": 190, "but_last": 50})
    said = r"n_train = 190, but_last = 50: 'blobs' has 200 training rows; lower them"
    with pytest.raises(InputError, match=said):
        prepare(many, "m", tmp_path / "m.h5", images=images, autoencoder=made / "autoencoder")


def test_latents_need_images_and_an_autoencoder(made: Path, codes: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give --images and --autoencoder"):
        prepare(SETTINGS, "codes", tmp_path / "a.h5")
    with pytest.raises(InputError, match=r"rows of shape \(4,\) are no images"):
        train_autoencoder(SETTINGS, codes, tmp_path / "a", "cpu")
    assert not (tmp_path / "a").exists()
    description = json.loads((made / "map" / "settings.json").read_text())
    assert description["kind"] == "flow_map"
    with pytest.raises(InputError, match=r"a flow_map, not an autoencoder"):
        load_autoencoder(made / "map")


@pytest.mark.parametrize("packed", [b"", b"\x08" + bytes(7) + b"{}      ", b"junk" * 10])
def test_bytes_that_hold_no_decoder_are_refused(packed: bytes) -> None:
    with pytest.raises(InputError, match="no usable decoder"):
        ImageDecoder.unpack(packed)


def test_packed_decoder_is_the_same(codes: Dataset) -> None:
    decoder = codes.units.decoder  # type: ignore[attr-defined]
    z = np.random.default_rng(0).normal(size=(300, 4))
    again = ImageDecoder.unpack(decoder.pack())
    np.testing.assert_array_equal(again(z), decoder(z))
    assert isinstance(codes.units, Affine)


def test_pyramid_halves_sides_and_doubles_channels() -> None:
    assert pyramid(SETTINGS.network, (1, 28, 28)) == ([(14, 14), (7, 7)], [8, 16])
    assert pyramid(SETTINGS.network, (3, 5, 70)) == ([(3, 35)], [8])
    assert image_shape((28, 30)) == (1, 28, 30)
    assert image_shape((3, 4, 5)) == (3, 4, 5)


def test_interpolation_begins_and_ends_at_source_points(
    made: Path, codes: Dataset, tmp_path: Path
) -> None:
    """A line for each class, ten images each; the same seed draws the same."""
    settings = SimulationSettings(labels=True, **TINY_FLOW)
    simulate_dataset(codes, settings, 0, tmp_path / "flow.zarr", "cpu")
    learned = FlowMapSettings(network={"width": 8, "depth": 1}, training={"steps": 5})
    train(learned, codes, [run_of(tmp_path / "flow.zarr")], 0, tmp_path / "model", "cpu")
    model = swflow.load(tmp_path / "model")
    assert isinstance(model, SourceModel)
    lines = [axes.images[0].get_array() for axes in picture(model, 0).axes]
    assert len(lines) == 2
    assert lines[0].shape == (12, 10 * 10 + 9)
    again = [axes.images[0].get_array() for axes in picture(model, 0).axes]
    np.testing.assert_array_equal(np.asarray(lines[0]), np.asarray(again[0]))
    first, last = np.asarray(lines[0])[:, :10], np.asarray(lines[0])[:, -10:]
    assert not np.allclose(first, last)


def test_perceived_difference_is_relative_to_what_is_seen() -> None:
    """Nothing between equal images; more for images further away; weights get no gradient."""
    critic = Classifier(SETTINGS.network, (1, 12, 10), 8, 2).requires_grad_(False)
    real = torch.randn(6, 1, 12, 10, generator=torch.Generator().manual_seed(0))
    assert float(perceived_difference(critic, real, real)) == 0
    near, far = (perceived_difference(critic, real + by, real) for by in (0.1, 1))
    assert 0 < float(near) < float(far)
    made = real.clone().requires_grad_()
    perceived_difference(critic, made + 1, real).backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0


def test_a_critic_changes_what_is_made(images: Dataset, made: Path) -> None:
    """Its weight is a setting; without it none is trained."""
    alone = SETTINGS.model_copy(update={"perception": 0.0})
    fitted, _ = fit_autoencoder(alone, images, TrainingRun(SETTINGS.seed))
    with_critic = load_autoencoder(made / "autoencoder")
    first, second = (of.tensors()["decoder.enter.weight"] for of in (fitted, with_critic))
    assert not torch.equal(first, second)


def test_difference_counts_blurred_copies() -> None:
    goal = torch.zeros(1, 1, 4, 4)
    made = goal.clone()
    made[..., ::2] = 0.5
    made[..., 1::2] = -0.5  # averages of pairs are right
    assert float(difference(made, goal)) == pytest.approx(0.5)
    assert float(difference(goal + 0.25, goal)) == pytest.approx(0.75)  # at three sizes
