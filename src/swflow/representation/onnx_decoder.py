"""A user's own decoder of latents: an ONNX graph, run by onnxruntime. Nothing of it is Python."""

from typing import Any

import numpy as np

from swflow.runtime.errors import InputError

BATCH_ROWS = 256


class OnnxDecoder:
    """Latents `(n, dim)` -> images `(n, *event_shape)` in the graph's own units.

    The graph has one input `(n, dim)`, float32, with n free, and its first output are images
    `(n, height, width)` or `(n, channels, height, width)`. Raises InputError where the bytes hold
    no such graph, or onnxruntime is not installed.
    """

    def __init__(self, content: bytes, dim: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError(
                f"a decoder in ONNX needs the package onnxruntime ({error}): pip install "
                "onnxruntime."
            ) from error
        self.content = content
        try:
            self.session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own types are not public
            raise InputError(f"no usable decoder in ONNX ({_said(error)}).") from error
        self.inputs = [each.name for each in self.session.get_inputs()]
        if len(self.inputs) != 1:
            raise InputError(f"the decoder has inputs {self.inputs}: needed is one, the latents.")
        shape = self._images(np.zeros((2, dim), np.float32)).shape
        if len(shape) not in (3, 4) or shape[0] != 2:
            raise InputError(
                f"of 2 latents the decoder makes an array of shape {shape}: needed are images (2, "
                "height, width) or (2, channels, height, width)."
            )
        # Grey images have no axis of channels.
        self.event_shape = shape[2:] if len(shape) == 4 and shape[1] == 1 else shape[1:]

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """See the class; float32. Raises InputError where images are not finite."""
        parts = range(0, len(latents), BATCH_ROWS)
        rows = np.ascontiguousarray(latents, np.float32)
        images = np.concatenate([self._images(rows[k : k + BATCH_ROWS]) for k in parts])
        if not np.isfinite(images).all():
            raise InputError("the decoder makes images with NaN or infinite values.")
        return images.astype(np.float32).reshape(len(latents), *self.event_shape)

    def value_range(self, latents: np.ndarray) -> tuple[float, float]:
        """Smallest and largest value in the images of some latents."""
        images = self(latents)
        return float(images.min()), float(images.max())

    @property
    def stored_bytes(self) -> int:
        """What must be kept of it."""
        return len(self.content)

    def _images(self, rows: np.ndarray) -> np.ndarray:
        try:
            found: Any = self.session.run(None, {self.inputs[0]: rows})[0]
        except Exception as error:
            raise InputError(
                f"the decoder does not take latents of shape {rows.shape} ({_said(error)})."
            ) from error
        return np.asarray(found)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
