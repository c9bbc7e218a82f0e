"""Latents of images: numbers in model units that a decoder turns into images."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from swflow.representation.affine import Affine

if TYPE_CHECKING:
    from swflow.representation.decoder import ImageDecoder
    from swflow.representation.onnx_decoder import OnnxDecoder


@dataclass(frozen=True)
class Latent(Affine):
    """Model units of latents `(d,)`, with the decoder that leads on to images, packed.

    value_range: smallest and largest value of the images.
    """

    packed: bytes = b""

    @cached_property
    def decoder(self) -> "ImageDecoder | OnnxDecoder":
        """Ours, or a user's own. Raises InputError where there is none in the bytes."""
        if not is_onnx(self.packed):
            from swflow.representation.decoder import ImageDecoder  # with torch: when it is used

            return ImageDecoder.unpack(self.packed)
        from swflow.representation.onnx_decoder import OnnxDecoder

        return OnnxDecoder(self.packed, self.dim)

    @property
    def decoder_bytes(self) -> int:
        """What must be kept of the decoder."""
        return self.decoder.stored_bytes

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of an image."""
        return self.decoder.event_shape

    def decode(self, model: np.ndarray) -> np.ndarray:
        """`(n, dim)` in model units -> images `(n, *data_shape)` in data units, float32."""
        return self.decoder(super().decode(model))


def is_onnx(packed: bytes) -> bool:
    """Whether a decoder is a user's own; safetensors have the brace of a header as ninth byte."""
    return packed[8:9] != b"{"


def with_decoder(affine: Affine, packed: bytes | None) -> Affine:
    """Units of latents, given those of rows of numbers; without a decoder these themselves."""
    if packed is None:
        return affine
    shape, value_range = affine.event_shape, affine.value_range
    return Latent(affine.shift, affine.scale, shape, value_range, packed)
