"""A dataset: rows in model units, with the units that lead back to data."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from swflow.representation.affine import Affine, SlicedRows


class Split(NamedTuple):
    """Rows x `(n, *event_shape)` in model units and, where labelled, classes y `(n,)`.

    x is an array, or a file's, read slice by slice, where it was asked to be streamed.
    """

    x: SlicedRows
    y: np.ndarray | None = None

    def rows(self, limit: int | None = None) -> np.ndarray:
        """Flattened rows `(n, d)` (at most the first `limit`)."""
        x = self.x[:limit]
        return x.reshape(len(x), -1)

    def part(self, begin: int, end: int | None = None) -> "Split":
        """Consecutive rows, with their classes."""
        return Split(self.x[begin:end], None if self.y is None else self.y[begin:end])

    def last(self, n: int, but: int = 0) -> "Split":
        """The last n rows but for so many at the end."""
        end = len(self.x) - but
        return self.part(end - n, end)


class Sizes(NamedTuple):
    """How many rows to train on there are, and others, and of how many numbers."""

    train: int
    others: int
    dim: int


@dataclass(frozen=True)
class Dataset:
    """Splits train, heldout and test in model units. `digest` identifies the content."""

    name: str
    splits: dict[str, Split]
    units: Affine
    attributes: dict[str, Any]
    digest: str

    @property
    def dim(self) -> int:
        """Dimension of a flattened row."""
        return self.units.dim

    @property
    def fresh(self) -> Split:
        """Real rows that nothing was fitted to: what perfect samples would be.

        Held-out rows; only the first half of them where the test split is an official one, whose
        law may be another than that of the training rows.
        """
        heldout = self.splits["heldout"]
        return heldout.part(0, len(heldout.x) // 2) if self.official_test else heldout

    @property
    def reference(self) -> Split:
        """Other real rows that nothing was fitted to: what samples are compared with.

        The test split; the second half of the held-out rows where it is an official one.
        """
        heldout = self.splits["heldout"]
        return heldout.part(len(heldout.x) // 2) if self.official_test else self.splits["test"]

    @property
    def official_test(self) -> bool:
        """Whether the test split is a published one, and no random part of the rows."""
        return bool(self.attributes.get("official_test", False))

    def rows(self, split: str, limit: int | None = None) -> np.ndarray:
        """Flattened rows `(n, d)` of a split (at most the first `limit`), float32, model units."""
        return self.splits[split].rows(limit)

    def size(self, split: str) -> int:
        """Number of rows of a split."""
        return len(self.splits[split].x)

    @property
    def sizes(self) -> Sizes:
        """What memory depends on."""
        return Sizes(self.size("train"), self.size("heldout") + self.size("test"), self.dim)
