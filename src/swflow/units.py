"""Model units: centred, and one positive scale, so that entropy means the same everywhere."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Units:
    """x_model = (x_data − shift) / scale, with flattened events in model units.

    shift: `event_shape`; scale: positive number; value_range: smallest and largest data value.
    """

    shift: np.ndarray
    scale: float
    event_shape: tuple[int, ...]
    value_range: tuple[float, float]

    @classmethod
    def of(cls, rows: np.ndarray) -> Self:
        """Units in which `rows (n, *event_shape)` have mean 0 and tr Cov/d = 1."""
        rows64 = rows.astype(np.float64)
        shift = rows64.mean(axis=0)
        scale = float(np.sqrt(np.mean((rows64 - shift) ** 2)))
        return cls(shift, scale, rows.shape[1:], (float(rows.min()), float(rows.max())))

    @property
    def dim(self) -> int:
        """Dimension of a flattened event."""
        return int(np.prod(self.event_shape))

    def to_model(self, data: np.ndarray) -> np.ndarray:
        """`(n, *event_shape)` in data units -> the same shape in model units, float32."""
        return ((data - self.shift) / self.scale).astype(np.float32)

    def to_data(self, model: np.ndarray) -> np.ndarray:
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
