"""The train-features stage: from a dataset of images to the classifier whose features score."""

from pathlib import Path
from typing import Any

from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset
from swflow.representation.features import FeatureSpace, fit_features
from swflow.runtime.checkpoint import CHECKPOINT_SECONDS
from swflow.runtime.errors import InputError
from swflow.settings import FeatureSettings
from swflow.stages.fitting import write_fitted
from swflow.store.model import read_model
from swflow.study.roots import features_code

KIND = "features"


def train_features(
    settings: FeatureSettings,
    images: Dataset,
    out: Path,
    device: str,
    *,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Fit a classifier to half of the training rows of a dataset of images, and write its folder.

    Raises InputError where rows are no images; interrupted, it goes on as `write_fitted` does, and
    raises what that raises.
    """

    def describe(fitted: FeatureSpace) -> dict[str, Any]:
        return {
            "kind": KIND,
            "settings": settings.model_dump(mode="json"),
            "images": fitted.images,
            "dataset_digest": fitted.digest,
            "units": fitted.units.to_json(),
            "labels": fitted.labels,
            "accuracy": fitted.accuracy,
        }

    identity = {
        "settings": settings.canonical(),
        "seed": settings.seed,
        "data": images.digest,
        "device": device,
        "code": features_code(settings),
    }
    write_fitted(
        lambda run: fit_features(settings, images, run),
        describe,
        identity,
        out,
        checkpoint_seconds,
    )


def load_features(folder: Path) -> FeatureSpace:
    """The features in a folder. Raises InputError where there are none."""
    description, tensors, _ = read_model(folder)
    if description.get("kind") != KIND:
        raise InputError(
            f"{folder}: a {description.get('kind')}, not features of images; give the folder of "
            "swflow train-features."
        )
    try:
        settings = FeatureSettings.model_validate(description["settings"])
        units = Affine.from_json(description["units"])
        names = str(description["images"]), str(description["dataset_digest"])
        labels = tuple(map(int, description["labels"]))
        return FeatureSpace.rebuild(settings, *names, units, labels, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: the files do not make features ({error}).") from error
