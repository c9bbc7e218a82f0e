"""Decoders of latents: a network, the images it makes, and both as bytes that run nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from swflow.events import image_shape
from swflow.networks.convolutional import Decoder
from swflow.runtime.errors import InputError
from swflow.settings import ConvolutionalSettings

BATCH_ROWS = 256  # activations stay in the cache


@dataclass(frozen=True)
class ImageDecoder:
    """Latents `(n, dim)` -> images of `event_shape` in data units, within `limits`.

    event_shape: (height, width) of grey images, or (channels, height, width).
    """

    network: Decoder
    settings: ConvolutionalSettings
    dim: int
    event_shape: tuple[int, ...]
    limits: tuple[float, float]

    @torch.inference_mode()
    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """See the class; float32."""
        low, high = self.limits
        parts = torch.from_numpy(np.ascontiguousarray(latents, np.float32)).split(BATCH_ROWS)
        images = torch.cat([self.network(part) for part in parts])
        return (low + (high - low) * images).reshape(len(latents), *self.event_shape).numpy()

    def value_range(self, latents: np.ndarray) -> tuple[float, float]:
        """Smallest and largest value that an image of any latents can have."""
        return self.limits

    @property
    def stored_bytes(self) -> int:
        """What must be kept of it: in half precision where that moves no image by half a level."""
        numbers = sum(value.numel() for value in self.network.state_dict().values())
        low, high = self.limits
        few = np.random.default_rng(0).normal(size=(BATCH_ROWS, self.dim))
        moved = np.abs(self._halved()(few) - self(few)).mean()
        return numbers * (2 if moved < 0.5 * (high - low) / 255 else 4)

    def _halved(self) -> Self:
        """The same with its numbers rounded to half precision."""
        rounded = {k: v.half().to(v.dtype) for k, v in self.network.state_dict().items()}
        return self.of(self.settings, self.dim, self.event_shape, self.limits, rounded)

    def pack(self) -> bytes:
        """A safetensors file that `unpack` reads."""
        said = {
            "settings": self.settings.model_dump(mode="json"),
            "dim": self.dim,
            "event_shape": self.event_shape,
            "value_range": self.limits,
        }
        tensors = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        return save(tensors, {"decoder": json.dumps(said)})

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """The decoder that was packed. Raises InputError where the bytes hold none."""
        try:
            said, tensors = _header(packed), load(packed)
            settings = ConvolutionalSettings.model_validate(said["settings"])
            shape, dim = tuple(said["event_shape"]), int(said["dim"])
            low, high = said["value_range"]
            return cls.of(settings, dim, shape, (low, high), tensors)
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"no usable decoder of latents ({error}).") from error

    @classmethod
    def of(
        cls,
        settings: ConvolutionalSettings,
        dim: int,
        event_shape: tuple[int, ...],
        limits: tuple[float, float],
        tensors: Mapping[str, Tensor],
    ) -> Self:
        """One with these weights. Raises RuntimeError where they do not fit."""
        with torch.device("meta"):
            network = Decoder(settings, image_shape(event_shape), dim)
        network.load_state_dict(dict(tensors), assign=True)
        return cls(network.eval(), settings, dim, event_shape, limits)


def _header(packed: bytes) -> dict[str, Any]:
    """What a safetensors file says beside its tensors."""
    size = int.from_bytes(packed[:8], "little")
    header = json.loads(packed[8 : 8 + size])
    found: dict[str, Any] = json.loads(header["__metadata__"]["decoder"])
    return found
