"""Latents of images: numbers in model units that a decoder turns into images."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from swflow.representation.affine import Affine

if TYPE_CHECKING:
    from swflow.representation.decoder import ImageDecoder


@dataclass(frozen=True)
class Latent(Affine):
    """Model units of latents `(d,)`, with the decoder that leads on to images, packed.

    value_range: smallest and largest value of the images.
    """

    packed: bytes = b""

    @cached_property
    def decoder(self) -> "ImageDecoder":
        """The decoder. Raises InputError where there is none in the bytes."""
        from swflow.representation.decoder import ImageDecoder  # with torch: when it is used

        return ImageDecoder.unpack(self.packed)

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of an image."""
        return self.decoder.event_shape

    def decode(self, model: np.ndarray) -> np.ndarray:
        """`(n, dim)` in model units -> images `(n, *data_shape)` in data units, float32."""
        return self.decoder(super().decode(model))


def with_decoder(affine: Affine, packed: bytes | None) -> Affine:
    """Units of latents, given those of rows of numbers; without a decoder these themselves."""
    if packed is None:
        return affine
    shape, value_range = affine.event_shape, affine.value_range
    return Latent(affine.shift, affine.scale, shape, value_range, packed)
