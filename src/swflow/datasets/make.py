"""From a dataset's settings to its splits: drawn or read, divided, in model units."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swflow.representation.affine import Affine, SlicedRows, slices
from swflow.runtime.errors import InputError
from swflow.settings import RowsSettings, SplitSettings, SyntheticSettings, implementation


@dataclass(frozen=True)
class RawRows:
    """Rows x `(n, *event_shape)` in data units and, where labelled, classes y `(n,)`.

    attributes: where they come from, and what is known of their law.
    """

    x: SlicedRows
    y: np.ndarray | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RowSubset:
    """Some rows of an array, in memory or mapped from a file, in the order of `index`."""

    rows: np.ndarray
    index: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, and the shape of one."""
        return (len(self.index), *self.rows.shape[1:])

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice) -> np.ndarray:
        order = np.argsort(self.index[rows])  # a file is read from its beginning to its end
        found = np.empty((len(order), *self.rows.shape[1:]), self.rows.dtype)
        found[order] = self.rows[self.index[rows][order]]
        return found


@dataclass(frozen=True)
class EncodedRows:
    """Rows in model units, encoded when they are asked for."""

    rows: SlicedRows
    units: Affine

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, and the shape of one."""
        return tuple(self.rows.shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self.units.encode(self.rows[rows])


def make_dataset(settings: RowsSettings) -> dict[str, RawRows]:
    """Make or read the splits train, heldout and test, in data units.

    Raises InputError on input that cannot be used.
    """
    if isinstance(settings, SyntheticSettings):
        return _draw(settings)
    assert isinstance(settings, SplitSettings)
    rng = np.random.default_rng(settings.seed)
    return _split(implementation(settings)(settings, rng), settings, rng)


def encoded(name: str, splits: dict[str, RawRows]) -> tuple[Affine, dict[str, EncodedRows]]:
    """The model units of the training rows, and all splits in them.

    Raises InputError on empty, constant or non-finite rows.
    """
    for split, rows in splits.items():
        check_rows(f"dataset {name!r}, split {split}", rows)
    units = Affine.from_rows(splits["train"].x)
    if not units.scale > 0:
        raise InputError(f"dataset {name!r}: all training rows are equal; a flow needs a spread.")
    return units, {split: EncodedRows(rows.x, units) for split, rows in splits.items()}


def _draw(settings: SyntheticSettings) -> dict[str, RawRows]:
    """Every split a stream of its own, so that its size changes no other split."""
    law = implementation(settings)
    sizes = {"train": settings.n_train, "heldout": settings.n_heldout, "test": settings.n_test}
    common = {"source": f"swflow {settings.kind}", "licence": "MIT"}
    drawn = {
        name: law(settings, n, np.random.default_rng([settings.seed, index]))
        for index, (name, n) in enumerate(sizes.items())
    }
    return {name: RawRows(of.x, of.y, common | of.attributes) for name, of in drawn.items()}


def _split(rows: RawRows, settings: SplitSettings, rng: np.random.Generator) -> dict[str, RawRows]:
    n = len(rows.x)
    n_heldout, n_test = round(n * settings.heldout_fraction), round(n * settings.test_fraction)
    order = rng.permutation(n)
    heldout, test, train = np.split(order, [n_heldout, n_heldout + n_test])
    if settings.n_train is not None and settings.n_train > len(train):
        raise InputError(
            f"n_train = {settings.n_train}: only {len(train)} rows are left to train on; lower it."
        )
    parts = {"heldout": heldout, "test": test, "train": train[: settings.n_train]}
    return {
        name: RawRows(
            RowSubset(np.asanyarray(rows.x), part),
            None if rows.y is None else rows.y[part],
            rows.attributes,
        )
        for name, part in parts.items()
    }


def check_rows(where: str, rows: RawRows) -> None:
    """Raise InputError where rows are empty, are no numbers, not finite, or not those of labels."""
    shape = tuple(rows.x.shape)
    if len(shape) < 2 or not np.prod(shape):
        raise InputError(f"{where}: shape {shape}; needed is a non-empty (rows, columns, ...).")
    if rows.y is not None and rows.y.shape != (len(rows.x),):
        raise InputError(f"{where}: {len(rows.x)} rows, but labels of shape {rows.y.shape}.")
    bad, first, begin = 0, (), 0
    for part in slices(rows.x):
        if part.dtype.kind not in "fiub":
            raise InputError(f"{where}: values of type {part.dtype}; needed are numbers.")
        found = np.argwhere(~np.isfinite(part))
        if len(found) and not bad:
            first = (begin + int(found[0][0]), *found[0][1:].tolist())
        bad, begin = bad + len(found), begin + len(part)
    if bad:
        raise InputError(
            f"{where}: {bad} values are NaN or infinite, the first at index {first}; remove or "
            "fill them."
        )
