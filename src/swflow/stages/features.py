"""The train-features stage: from a dataset of images to the classifier whose features score."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset
from swflow.representation.features import FeatureSpace, fit_features
from swflow.runtime.checkpoint import CHECKPOINT_SECONDS
from swflow.settings import FeatureSettings
from swflow.stages.image_networks import read_fitted_to_images, write_fitted_to_images
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
    write_fitted_to_images(
        KIND,
        fit_features,
        settings,
        images,
        features_code(settings),
        out,
        device,
        checkpoint_seconds,
        lambda fitted: {"labels": fitted.labels, "accuracy": fitted.accuracy},
    )


def load_features(folder: Path) -> FeatureSpace:
    """The features in a folder. Raises InputError where there are none."""
    return read_fitted_to_images(folder, KIND, "features of images", _rebuilt)


def _rebuilt(
    description: Mapping[str, Any],
    units: Affine,
    names: tuple[str, str],
    tensors: Mapping[str, Tensor],
) -> FeatureSpace:
    settings = FeatureSettings.model_validate(description["settings"])
    labels = tuple(map(int, description["labels"]))
    return FeatureSpace.rebuild(settings, *names, units, labels, tensors)
