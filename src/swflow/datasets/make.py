"""From a dataset's settings to its splits: drawn or read, divided, in model units."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swflow.representation.affine import Affine, SlicedRows, slices
from swflow.runtime.errors import InputError
from swflow.settings import RowsSettings, SplitSettings, SyntheticSettings, implementation


@dataclass(frozen=True)
class RawRows:
    """Rows x `(n, *event_shape)` in data units and, where labelled, classes y `(n,)`.

    attributes: where they come from, and what is known of their law; test: the rows of an official
    test split, where there is one; decoder: packed, where rows are latents.
    """

    x: SlicedRows
    y: np.ndarray | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    test: "RawRows | None" = None
    decoder: bytes | None = None


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


def model_units(name: str, splits: dict[str, RawRows]) -> Affine:
    """The model units of the training rows, once all splits are checked.

    Raises InputError on empty, constant or non-finite rows.
    """
    for split, rows in splits.items():
        check_rows(f"dataset {name!r}, split {split}", rows)
    units = Affine.from_rows(splits["train"].x)
    if not units.scale > 0:
        raise InputError(f"dataset {name!r}: all training rows are equal; a flow needs a spread.")
    return units


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
    """A random part is held out, and another kept for tests where there is no official split."""
    n = len(rows.x)
    official = rows.test is not None
    n_heldout = round(n * settings.fraction_held_out(official))
    n_test = 0 if official else round(n * settings.test_fraction)
    order = rng.permutation(n)
    heldout, test, train = np.split(order, [n_heldout, n_heldout + n_test])
    if settings.n_train is not None and settings.n_train > len(train):
        raise InputError(
            f"n_train = {settings.n_train}: only {len(train)} rows are left to train on; lower it."
        )
    parts = {"heldout": heldout, "test": test, "train": train[: settings.n_train]}
    attributes = rows.attributes | {"official_test": official}
    found = {
        name: RawRows(
            RowSubset(np.asanyarray(rows.x), part),
            None if rows.y is None else rows.y[part],
            attributes,
            decoder=rows.decoder,
        )
        for name, part in parts.items()
    }
    if rows.test is not None:
        found["test"] = rows.test
    if settings.all_classes:
        _check_classes(found)
    return found


def _check_classes(splits: dict[str, RawRows]) -> None:
    """Raise InputError where a class is missing in a split."""
    labels = {name: rows.y for name, rows in splits.items() if rows.y is not None}
    for known in np.unique(np.concatenate([np.zeros(0, int), *labels.values()])):
        counts = {name: int(np.sum(y == known)) for name, y in labels.items()}
        if empty := [name for name, n in counts.items() if not n]:
            names = json.loads(splits["train"].attributes.get("classes", "{}"))
            shown = repr(names[known]) if names else known
            raise InputError(
                f"class {shown} has {sum(counts.values())} images, none of them in the {empty[0]} "
                "split; give it more, or leave it out."
            )


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
