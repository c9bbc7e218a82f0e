"""The prepare stage: from a dataset's settings to its splits in data units."""

from collections.abc import Callable
from typing import Any

import numpy as np

from swflow.datasets import planar
from swflow.datasets.array import array, file_digest
from swflow.datasets.convex_map import convex_map
from swflow.datasets.digits import LICENCE, URL, digits
from swflow.datasets.file import RawDataset, Split
from swflow.datasets.gaussian import covariance_matrix, gaussian
from swflow.errors import InputError
from swflow.optimal_maps import ConvexMap
from swflow.settings import (
    ConvexMapSettings,
    DatasetSettings,
    DigitsSettings,
    GaussianSettings,
    SplitSettings,
    SyntheticSettings,
)

LAWS: dict[str, Callable[[Any, int, np.random.Generator], Split]] = {
    "eight_gaussians": planar.eight_gaussians,
    "checkerboard": planar.checkerboard,
    "swiss_roll": planar.swiss_roll,
    "moons": planar.moons,
    "gaussian_mixture": planar.gaussian_mixture,
    "gaussian": gaussian,
    "convex_map": convex_map,
}


def make_dataset(settings: DatasetSettings) -> RawDataset:
    """Make or read the splits, in data units. Raises InputError on input that cannot be used."""
    if isinstance(settings, SyntheticSettings):
        return _draw(settings)
    rng = np.random.default_rng(settings.seed)
    if isinstance(settings, DigitsSettings):
        rows = digits(rng)
        attributes = {"source": URL, "licence": LICENCE}
    else:
        rows = array(settings)
        attributes = {"source": str(settings.path), "sha256": file_digest(settings.path)}
    return RawDataset(_split(rows, settings, rng), attributes)


def _draw(settings: SyntheticSettings) -> RawDataset:
    """Every split a stream of its own, so that its size changes no other split."""
    kind = settings.kind
    law = LAWS[kind]
    sizes = (settings.n_train, settings.n_heldout, settings.n_test)
    names = ("train", "heldout", "test")
    splits = {
        name: law(settings, n, np.random.default_rng([settings.seed, index]))
        for index, (name, n) in enumerate(zip(names, sizes, strict=True))
    }
    attributes: dict[str, Any] = {"source": f"swflow {kind}", "licence": "MIT"}
    if isinstance(settings, GaussianSettings):
        # For the closed forms, data units.
        attributes["covariance"] = covariance_matrix(settings)
        attributes["mean"] = np.broadcast_to(np.asarray(settings.mean, dtype=float), settings.dim)
    elif isinstance(settings, ConvexMapSettings):
        exact = ConvexMap.random(settings)._asdict()
        attributes |= {f"map_{name}": value for name, value in exact.items()}
    return RawDataset(splits, attributes)


def _split(rows: Split, settings: SplitSettings, rng: np.random.Generator) -> dict[str, Split]:
    n = len(rows.x)
    n_heldout, n_test = round(n * settings.heldout_fraction), round(n * settings.test_fraction)
    order = rng.permutation(n)
    heldout, test, train = np.split(order, [n_heldout, n_heldout + n_test])
    if settings.n_train is not None and settings.n_train > len(train):
        raise InputError(
            f"n_train = {settings.n_train}: only {len(train)} rows are left to train on; lower it."
        )
    parts = heldout, test, train[: settings.n_train]
    return {
        name: Split(rows.x[part], None if rows.y is None else rows.y[part])
        for name, part in zip(("heldout", "test", "train"), parts, strict=True)
    }
