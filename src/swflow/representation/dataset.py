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

    def rows(self, split: str, limit: int | None = None) -> np.ndarray:
        """Flattened rows `(n, d)` of a split (at most the first `limit`), float32, model units."""
        x = self.splits[split].x[:limit]
        return x.reshape(len(x), -1)

    def size(self, split: str) -> int:
        """Number of rows of a split."""
        return len(self.splits[split].x)
