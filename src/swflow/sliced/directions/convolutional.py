"""Directions of images that are strided convolutions down to one number."""

import torch
from torch import Generator, Tensor

from swflow.events import image_shape
from swflow.settings.slicing import ConvolutionalDirectionsSettings
from swflow.sliced.directions.dense import DenseDirections, random_directions


def convolutional(
    settings: ConvolutionalDirectionsSettings,
    n: int,
    event_shape: tuple[int, ...],
    generator: Generator,
    dtype: torch.dtype,
) -> DenseDirections:
    """Draw n independent directions of images: the convolution-stride slicer, written out.

    Nguyen & Ho 2022, definition 3: kernels of 2 x 2 and stride 2, the first over all channels, as
    long as both sides are even, then one of what is left; each uniform on its sphere. A direction
    is the Kronecker product of its kernels, of norm 1, and E θθᵀ = I/d. Raises InputError for
    events that are no images.
    """
    channels, height, width = image_shape(event_shape)
    rows = torch.ones(n, channels, 1, 1, dtype=dtype, device=generator.device)
    for number, (tall, wide) in enumerate(kernels(height, width)):
        of = channels if number == 0 else 1
        drawn = random_directions(
            n, of * tall * wide, orthonormal=False, generator=generator, dtype=dtype
        )
        rows = _kronecker(drawn.reshape(n, of, tall, wide), rows)
    return DenseDirections(rows.flatten(1))


def kernels(height: int, width: int) -> list[tuple[int, int]]:
    """Sides of the kernels, the first for the finest."""
    found = []
    while height % 2 == 0 and width % 2 == 0:
        found.append((2, 2))
        height, width = height // 2, width // 2
    return [*found, (height, width)] if height * width > 1 or not found else found


def _kronecker(coarse: Tensor, fine: Tensor) -> Tensor:
    """Fine kernels in every place of coarse ones, `(n, c or 1, a, b)` and `(n, c, h, w)`."""
    whole = torch.einsum("ncab,nchw->ncahbw", coarse.expand(-1, fine.shape[1], -1, -1), fine)
    return whole.flatten(4).flatten(2, 3)
