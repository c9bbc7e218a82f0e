"""Latents of images as a dataset: every split encoded, with the decoder that leads back."""

from swflow.datasets.decoded import decoded_units
from swflow.datasets.make import RawRows, model_units
from swflow.representation.affine import Affine
from swflow.representation.autoencoder import Autoencoder
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError

# Attributes of images that are not those of their latents.
OWN = {"name", "format", "shift", "scale", "value_range", "versions", "digest"}


def latents(
    autoencoder: Autoencoder, images: Dataset, n_train: int | None = None, but_last: int = 0
) -> tuple[Affine, dict[str, RawRows]]:
    """Model units of latents, and the splits as latents `(n, dim)`, with labels of the images.

    n_train: how many of the training rows, the last ones (default: all) but for `but_last`. Raises
    InputError where there are not so many, or the autoencoder was fitted to other images.
    """
    if autoencoder.digest != images.digest:
        raise InputError(
            f"the autoencoder was fitted to dataset {autoencoder.images!r}, and {images.name!r} "
            "holds other rows; train one for it: swflow train-autoencoder."
        )
    there = images.size("train") - but_last
    n = there if n_train is None else n_train
    if not 0 < n <= there:
        raise InputError(
            f"n_train = {n_train}, but_last = {but_last}: {images.name!r} has "
            f"{images.size('train')} training rows; lower them."
        )
    attributes = {k: v for k, v in images.attributes.items() if k not in OWN}
    attributes |= {"of": images.name, "but_last": but_last}
    kept = images.splits["train"].last(n, but_last)
    packed = autoencoder.decoder.pack()
    splits = {
        name: RawRows(autoencoder.encode(split.x), split.y, attributes, decoder=packed)
        for name, split in (images.splits | {"train": kept}).items()
    }
    units = model_units(f"latents of {images.name}", splits)
    return decoded_units(units, splits["train"]), splits
