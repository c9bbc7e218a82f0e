"""The train-autoencoder stage: from a dataset of images to the folder of an autoencoder."""

from pathlib import Path
from typing import Any

from swflow.representation.affine import Affine
from swflow.representation.autoencoder import Autoencoder, fit_autoencoder
from swflow.representation.dataset import Dataset
from swflow.runtime.checkpoint import CHECKPOINT_SECONDS
from swflow.runtime.errors import InputError
from swflow.settings import LatentSettings
from swflow.stages.fitting import write_fitted
from swflow.store.model import read_model
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

    def describe(fitted: Autoencoder) -> dict[str, Any]:
        return {
            "kind": KIND,
            "settings": settings.model_dump(mode="json"),
            "images": fitted.images,
            "dataset_digest": fitted.digest,
            "units": fitted.units.to_json(),
        }

    identity = {
        "settings": settings.canonical(),
        "seed": settings.seed,
        "data": images.digest,
        "device": device,
        "code": autoencoder_code(settings),
    }
    write_fitted(
        lambda run: fit_autoencoder(settings, images, run),
        describe,
        identity,
        out,
        checkpoint_seconds,
    )


def load_autoencoder(folder: Path) -> Autoencoder:
    """The autoencoder in a folder. Raises InputError where there is none."""
    description, tensors, _ = read_model(folder)
    if description.get("kind") != KIND:
        raise InputError(
            f"{folder}: a {description.get('kind')}, not an autoencoder; give the folder of "
            "swflow train-autoencoder."
        )
    try:
        settings = LatentSettings.model_validate(description["settings"])
        units = Affine.from_json(description["units"])
        names = str(description["images"]), str(description["dataset_digest"])
        return Autoencoder.rebuild(settings, *names, units, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: the files do not make an autoencoder ({error}).") from error
