"""Model units: centred, and one positive scale, so that entropy means the same everywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

# Numbers of a dataset in memory at once, as float64.
SLICE_NUMBERS = 2**23


class SlicedRows(Protocol):
    """Rows `(n, *event_shape)` that are read a slice at a time: an array, or a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, and the shape of one."""

    def __len__(self) -> int:
        """Number of rows."""

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Some of the rows."""


def slices(rows: SlicedRows) -> Iterator[np.ndarray]:
    """Consecutive rows, as many at a time as are in memory at once."""
    step = max(1, SLICE_NUMBERS // max(1, int(np.prod(rows.shape[1:]))))
    return (rows[begin : begin + step] for begin in range(0, len(rows), step))


@dataclass(frozen=True)
class Affine:
    """x_model = (x_data − shift) / scale, with flattened events in model units.

    shift: `event_shape`; scale: positive number; value_range: smallest and largest data value.
    """

    shift: np.ndarray
    scale: float
    event_shape: tuple[int, ...]
    value_range: tuple[float, float]

    @classmethod
    def from_rows(cls, rows: SlicedRows) -> Self:
        """Units in which `rows (n, *event_shape)` have mean 0 and tr Cov/d = 1."""
        shape, n = tuple(rows.shape[1:]), len(rows)
        total, low, high = np.zeros(shape), np.inf, -np.inf
        for part in slices(rows):
            total += part.astype(np.float64).sum(axis=0)
            low, high = min(low, float(part.min())), max(high, float(part.max()))
        shift = total / n
        squares = sum(
            float(np.sum((part.astype(np.float64) - shift) ** 2)) for part in slices(rows)
        )
        scale = float(np.sqrt(squares / (n * np.prod(shape))))
        return cls(shift, scale, shape, (low, high))

    @property
    def dim(self) -> int:
        """Dimension of a flattened event."""
        return int(np.prod(self.event_shape))

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of an event in data units."""
        return self.event_shape

    @property
    def packed(self) -> bytes | None:
        """The decoder of latents, packed; None where rows are data themselves."""
        return None

    @property
    def decoder_bytes(self) -> int:
        """What must be kept of the decoder of latents; nothing where rows are data themselves."""
        return 0

    def encode(self, data: np.ndarray) -> np.ndarray:
        """`(n, *event_shape)` in data units -> the same shape in model units, float32."""
        return ((data - self.shift) / self.scale).astype(np.float32)

    def decode(self, model: np.ndarray) -> np.ndarray:
        """`(n, dim)` or `(n, *event_shape)` in model units -> `(n, *event_shape)`, float32."""
        events = model.reshape(len(model), *self.event_shape)
        return (events * self.scale + self.shift).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads."""
        return {
            "shift": self.shift.tolist(),
            "scale": self.scale,
            "event_shape": list(self.event_shape),
            "value_range": list(self.value_range),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The units written by `to_json`."""
        low, high = values["value_range"]
        shift = np.asarray(values["shift"], dtype=np.float64)
        return cls(shift, float(values["scale"]), tuple(values["event_shape"]), (low, high))
