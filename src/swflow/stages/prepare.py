"""The prepare stage: from a dataset's settings to its file."""

from pathlib import Path

import numpy as np

from swflow.datasets.decoded import decoded_units
from swflow.datasets.make import EncodedRows, RawRows, make_dataset, model_units
from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import LatentSettings, RowsSettings
from swflow.store.dataset import write_dataset

LEAST_DIGITS = 1e-3  # of the spread


def prepare(
    settings: RowsSettings,
    name: str,
    out: Path,
    *,
    images: Dataset | None = None,
    autoencoder: Path | None = None,
) -> None:
    """Make or read a dataset, and write its splits in model units.

    images, autoencoder: what latents are made of. Raises InputError on input that cannot be used.
    """
    if not isinstance(settings, LatentSettings):
        if images is not None or autoencoder is not None:
            raise InputError(f"a dataset of kind {settings.kind} is made of no images; leave out.")
        write_splits(make_dataset(settings), name, out)
        return
    if images is None or autoencoder is None:
        raise InputError(
            "latents are made of a dataset of images and an autoencoder: give --images and "
            "--autoencoder."
        )
    from swflow.datasets.latent import latents
    from swflow.stages.autoencoder import load_autoencoder

    kept = settings.n_train, settings.but_last
    units, splits = latents(load_autoencoder(autoencoder), images, *kept)
    _write(units, splits, name, out)


def _check_precision(units: Affine, name: str) -> None:
    """Raise InputError where float32, in which rows come back, cannot tell them apart."""
    largest, spread = float(np.abs(units.shift).max()), units.scale
    most, eps = float(np.finfo(np.float32).max), float(np.finfo(np.float32).eps)
    if not largest + 100 * spread < most:
        raise InputError(
            f"dataset {name!r}: values of about {largest + spread:.3g} are too large for float32; "
            "divide them by a constant first."
        )
    if eps * largest > LEAST_DIGITS * spread:
        raise InputError(
            f"dataset {name!r}: values of about {largest:.3g} that differ by {spread:.3g} are all "
            "but the same in float32; subtract a constant first."
        )


def write_splits(splits: dict[str, RawRows], name: str, out: Path) -> None:
    """Write splits train, heldout and test, given in data units. Raises as `prepare`."""
    units = decoded_units(model_units(name, splits), splits["train"])
    _write(units, splits, name, out)


def _write(units: Affine, splits: dict[str, RawRows], name: str, out: Path) -> None:
    _check_precision(units, name)
    rows = {split: (EncodedRows(of.x, units), of.y) for split, of in splits.items()}
    write_dataset(out, name, units, rows, splits["train"].attributes)
