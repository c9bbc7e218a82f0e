"""What stages share that fit a network to a dataset of images: its folder, written and read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor

from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import FeatureSettings, LatentSettings
from swflow.stages.fitting import Fitted, write_fitted
from swflow.store.model import read_model
from swflow.training.loop import History, TrainingRun


class FittedToImages(Fitted, Protocol):
    """What was fitted, and to which images."""

    @property
    def images(self) -> str:
        """The dataset's name."""

    @property
    def digest(self) -> str:
        """Its content."""

    @property
    def units(self) -> Affine:
        """Its model units."""


Network = TypeVar("Network", bound=FittedToImages)
Sizes = TypeVar("Sizes", FeatureSettings, LatentSettings)
# From units, the images' name and digest, and tensors, with what the folder says.
Rebuild = Callable[[Mapping[str, Any], Affine, tuple[str, str], Mapping[str, Tensor]], Network]


def write_fitted_to_images(
    kind: str,
    fit: Callable[[Sizes, Dataset, TrainingRun], tuple[Network, History]],
    settings: Sizes,
    images: Dataset,
    code: str,
    out: Path,
    device: str,
    checkpoint_seconds: float,
    more: Callable[[Network], Mapping[str, Any]] = lambda fitted: {},
) -> None:
    """Fit with the settings' seed and write the folder of a kind; more: what it says, too.

    code: the digest of what computes it. Raises as `write_fitted`, and what `fit` raises.
    """

    def describe(fitted: Network) -> dict[str, Any]:
        said = {
            "kind": kind,
            "settings": settings.model_dump(mode="json"),
            "images": fitted.images,
            "dataset_digest": fitted.digest,
            "units": fitted.units.to_json(),
        }
        return said | dict(more(fitted))

    identity = {
        "settings": settings.canonical(),
        "seed": settings.seed,
        "data": images.digest,
        "device": device,
        "code": code,
    }
    write_fitted(
        lambda run: fit(settings, images, run), describe, identity, out, checkpoint_seconds
    )


def read_fitted_to_images(
    folder: Path, kind: str, named: str, rebuild: Rebuild[Network]
) -> Network:
    """What lies in a folder of a kind; named: as messages say it. Raises InputError otherwise."""
    description, tensors, _ = read_model(folder)
    if description.get("kind") != kind:
        raise InputError(
            f"{folder}: a {description.get('kind')}, not {named}; give the folder of swflow "
            f"train-{kind}."
        )
    try:
        units = Affine.from_json(description["units"])
        names = str(description["images"]), str(description["dataset_digest"])
        return rebuild(description, units, names, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: the files do not make {named} ({error}).") from error
