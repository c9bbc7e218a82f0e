"""Commands for images: an autoencoder, features to compare them in, pictures of control."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from swflow.cli.options import (
    CheckpointSeconds,
    DatasetFile,
    Device,
    Entropies,
    ModelFolder,
    Names,
    Out,
    Overrides,
    Passes,
    Seed,
    SettingsText,
    Times,
    checked_device,
    keep_inputs,
    read_names,
    read_settings,
)
from swflow.runtime.errors import InputError

Stem = Annotated[Path, typer.Option("--out", help="The picture's path without its ending.")]
Images = Annotated[Path, typer.Argument(help="Dataset file of images.")]


def train_autoencoder(
    images: Images,
    out: Out,
    settings: SettingsText = "{}",
    override: Overrides = [],
    device: Device = "cpu",
    checkpoint_seconds: CheckpointSeconds = 60,
) -> None:
    """Fit an autoencoder to images, for a dataset of kind latent; write its folder.

    Interrupted, the same command goes on from the last checkpoint.
    """
    from swflow.settings import LatentSettings
    from swflow.stages.autoencoder import train_autoencoder

    chosen = read_settings(LatentSettings, settings, override)
    _train(train_autoencoder, chosen, images, out, device, checkpoint_seconds)


def train_features(
    images: Images,
    out: Out,
    settings: SettingsText = "{}",
    override: Overrides = [],
    device: Device = "cpu",
    checkpoint_seconds: CheckpointSeconds = 60,
) -> None:
    """Fit a classifier to half of the training images, to compare images in its features.

    Interrupted, the same command goes on from the last checkpoint.
    """
    from swflow.settings import FeatureSettings
    from swflow.stages.features import train_features

    chosen = read_settings(FeatureSettings, settings, override)
    _train(train_features, chosen, images, out, device, checkpoint_seconds)


def _train(
    stage: Callable[..., None],
    settings: Any,
    images: Path,
    out: Path,
    device: str,
    checkpoint_seconds: float,
) -> None:
    """Run a stage that fits something to a dataset of images."""
    from swflow.store.dataset import read_dataset

    keep_inputs(out, images)
    of, place = read_dataset(images), checked_device(device)
    stage(settings, of, out, place, checkpoint_seconds=checkpoint_seconds)


def neighbours(
    samples: Annotated[list[Path], typer.Argument(help="Files …/{row}/seedN.h5, a row each.")],
    dataset: DatasetFile,
    images: Annotated[Path, typer.Option(help="Dataset file of the images behind the rows.")],
    features: Annotated[Path, typer.Option(help="Folder of `swflow train-features`.")],
    out: Stem,
    seed: Seed = 0,
    names: Names = "{}",
) -> None:
    """Draw samples that the seed chooses beside the training images nearest to them."""
    from swflow.stages.features import load_features
    from swflow.stages.pictures import neighbours
    from swflow.store.dataset import read_dataset

    data, real, space = read_dataset(dataset), read_dataset(images), load_features(features)
    neighbours(samples, data, real, space, out, seed, read_names(names))


def interpolate(model: ModelFolder, out: Stem, seed: Seed = 0) -> None:
    """Draw what a model of images makes of points between two source points of each class."""
    from swflow.models.source_model import SourceModel
    from swflow.stages.loading import load
    from swflow.stages.pictures import interpolate

    carrier = load(model)
    if not isinstance(carrier, SourceModel):
        raise InputError(f"{model}: a {carrier.kind} carries no source points.")
    if len(carrier.spec.units.data_shape) < 2:
        raise InputError(f"{model}: draws no images; there is nothing to see in between.")
    interpolate(carrier, out, seed)


def complete(
    model: ModelFolder,
    images: Annotated[Path, typer.Argument(help="Images (n, *shape), data units: .npy, .h5.")],
    out: Out,
    entropy: Entropies = [],
    time: Times = [],
    passes: Passes = [],
    seed: Seed = 0,
) -> None:
    """Complete images of which a part is known: what else they hold is not read.

    FILE.npy, FILE.h5 or FILE.png, in data units. An image given twice is completed in two ways.
    """
    import torch

    from swflow.models.completing import CompletingModel
    from swflow.models.draws import one_condition
    from swflow.randomness import keyed_generator
    from swflow.stages.loading import load
    from swflow.stages.points import check_ending, read_rows, write_data

    keep_inputs(out, model, images)
    carrier = load(model)
    check_ending(out)
    if not isinstance(carrier, CompletingModel):
        raise InputError(f"{model}: a {carrier.kind} completes no images.")
    condition = one_condition(carrier, entropy, time, passes)
    asked = {name: of for name, of in condition._asdict().items() if name != "label"}
    units, generator = carrier.spec.units, keyed_generator(seed, "complete")
    known = torch.from_numpy(read_rows(images))
    found = carrier.complete(known, **asked, generator=generator)
    write_data(found.numpy(), units, out)


def completions(model: ModelFolder, dataset: DatasetFile, out: Stem, seed: Seed = 0) -> None:
    """Draw held-out images, what is known of them, and several completions of each."""
    from swflow.models.completing import CompletingModel
    from swflow.stages.loading import load
    from swflow.stages.pictures import completions
    from swflow.store.dataset import read_dataset

    carrier = load(model)
    if not isinstance(carrier, CompletingModel):
        raise InputError(f"{model}: a {carrier.kind} completes no images.")
    if carrier.spec.known is None:
        raise InputError(f"{model}: its flow holds no known pixels; there is nothing to complete.")
    completions(carrier, read_dataset(dataset), out, seed)


def inception(
    samples: Annotated[Path, typer.Argument(help="Stored samples …/{row}/seedN.h5.")],
    dataset: DatasetFile,
    images: Annotated[Path, typer.Option(help="Dataset file of the images behind the rows.")],
    weights: Annotated[Path, typer.Option(help="The published Inception weights.")],
    out: Out,
) -> None:
    """Write FID and KID of stored samples as JSON, by torch-fidelity where it is installed."""
    from swflow.stages.inception import inception
    from swflow.store.dataset import read_dataset

    keep_inputs(out, samples, dataset, images, weights)
    inception(samples, read_dataset(dataset), read_dataset(images), weights, out)
