"""Convolutional directions: chains of strided convolutions as vectors."""

import pytest
import torch

from swflow.runtime.errors import InputError
from swflow.settings.slicing import ConvolutionalDirectionsSettings
from swflow.sliced.directions.convolutional import convolutional, kernels


def drawn(n: int, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    settings = ConvolutionalDirectionsSettings()
    return convolutional(settings, n, shape, generator, torch.float64).rows


def test_sides_are_halved_as_long_as_both_are_even() -> None:
    assert kernels(28, 28) == [(2, 2), (2, 2), (7, 7)]
    assert kernels(32, 32) == [(2, 2)] * 5
    assert kernels(12, 10) == [(2, 2), (6, 5)]
    assert kernels(5, 3) == [(5, 3)]
    assert kernels(1, 1) == [(1, 1)]


def test_a_direction_is_the_chain_of_its_kernels(generator: torch.Generator) -> None:
    """What convolutions with the same kernels make of an image is its projection."""
    (row,) = drawn(1, (3, 4, 6), generator)
    again = torch.Generator().manual_seed(0)
    kernels_drawn = []
    for size in (12, 6):
        normal = torch.randn(1, size, generator=again, dtype=torch.float64)
        kernels_drawn.append(normal / normal.norm())
    first, second = kernels_drawn
    image = torch.randn(1, 3, 4, 6, dtype=torch.float64)
    half = torch.nn.functional.conv2d(image, first.reshape(1, 3, 2, 2), stride=2)
    whole = torch.nn.functional.conv2d(half, second.reshape(1, 1, 2, 3))
    torch.testing.assert_close(image.flatten() @ row, whole.flatten()[0])


@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 6), (1, 5, 3)])
def test_directions_have_norm_1_and_the_mean_of_their_squares_is_even(
    shape: tuple[int, ...], generator: torch.Generator
) -> None:
    rows = drawn(20000, shape, generator)
    d = rows.shape[1]
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(20000, dtype=torch.float64))
    scatter = rows.T @ rows / len(rows) - torch.eye(d, dtype=torch.float64) / d
    # An entry scatters by at most √(Eθ⁴/n); the largest of some hundred is below five times that.
    assert float(scatter.abs().max()) < 5 * float(rows.pow(4).mean().sqrt()) / 20000**0.5


def test_rows_that_are_no_images_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(InputError, match=r"rows of shape \(24,\) are no images"):
        drawn(3, (24,), generator)
