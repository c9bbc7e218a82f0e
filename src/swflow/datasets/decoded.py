"""Units of rows that are latents: with the decoder, and the range of the images that it makes."""

from dataclasses import replace

import numpy as np

from swflow.datasets.make import RawRows
from swflow.representation.affine import Affine
from swflow.representation.latent import Latent
from swflow.runtime.errors import InputError

FEW = 1000  # rows that tell the range of the images of a user's own decoder


def decoded_units(units: Affine, rows: RawRows) -> Affine:
    """Units of latents, given those of the numbers; where there is no decoder these themselves.

    rows: the training rows, in data units. Raises InputError where the decoder does not take them.
    """
    if rows.decoder is None:
        return units
    if len(units.event_shape) != 1:
        raise InputError(
            f"rows of shape {units.event_shape} with a decoder; needed are latents (n, dim)."
        )
    latent = Latent(units.shift, units.scale, units.event_shape, units.value_range, rows.decoder)
    few = np.asarray(rows.x[:FEW], np.float32)
    return replace(latent, value_range=latent.decoder.value_range(few))
