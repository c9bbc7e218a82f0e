"""The train-autoencoder stage: from a dataset of images to the folder of an autoencoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from swflow.representation.affine import Affine
from swflow.representation.autoencoder import Autoencoder, fit_autoencoder
from swflow.representation.dataset import Dataset
from swflow.runtime.checkpoint import CHECKPOINT_SECONDS
from swflow.settings import LatentSettings
from swflow.stages.image_networks import read_fitted_to_images, write_fitted_to_images
from swflow.study.roots import autoencoder_code

KIND = "autoencoder"


def train_autoencoder(
    settings: LatentSettings,
    images: Dataset,
    out: Path,
    device: str,
    *,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Fit an autoencoder to the training rows of a dataset of images, and write its folder.

    Raises InputError where rows are no images; interrupted, it goes on as `write_fitted` does, and
    raises what that raises.
    """
    write_fitted_to_images(
        KIND,
        fit_autoencoder,
        settings,
        images,
        autoencoder_code(settings),
        out,
        device,
        checkpoint_seconds,
    )


def load_autoencoder(folder: Path) -> Autoencoder:
    """The autoencoder in a folder. Raises InputError where there is none."""
    return read_fitted_to_images(folder, KIND, "an autoencoder", _rebuilt)


def _rebuilt(
    description: Mapping[str, Any],
    units: Affine,
    names: tuple[str, str],
    tensors: Mapping[str, Tensor],
) -> Autoencoder:
    settings = LatentSettings.model_validate(description["settings"])
    return Autoencoder.rebuild(settings, *names, units, tensors)
