"""Samples that move: what each frame of a film shows."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from swflow.report.pictures.common import (
    N_POINTS,
    are_images,
    frame,
    grid,
    pixels,
    plane,
    scatter,
    show,
)
from swflow.representation.affine import Affine

# The title and the samples `(n, *data_shape)`, in data units, of each frame.
Frames = Callable[[int], tuple[str, np.ndarray]]
Moving = tuple[Figure, Callable[[int], list[Any]]]


def moving(units: Affine, frames: Frames, n_frames: int, columns: int = 0) -> Moving:
    """A figure, and what draws its k-th frame: images, or points.

    frames: the title and the samples `(n, *event_shape)`, in data units, of each frame; columns:
    of images (0: as many as lines).
    """
    if are_images(units):
        return _moving_images(units, frames, columns)
    return _moving_points(units, frames, n_frames)


def _moving_points(
    units: Affine, frames: Frames, n_frames: int
) -> tuple[Figure, Callable[[int], list[Any]]]:
    figure, axes = plt.subplots(figsize=(4, 4.2), layout="constrained")
    title, first = frames(0)
    ends = np.concatenate([plane(first), plane(frames(n_frames - 1)[1])])
    points = scatter(axes, first)
    frame(axes, *np.quantile(ends, [0.001, 0.999], axis=0))
    axes.set_title(title)

    def draw(k: int) -> list[Any]:
        title, x = frames(k)
        points.set_offsets(plane(x)[:N_POINTS])
        axes.set_title(title)
        return [points]

    return figure, draw


def _moving_images(
    units: Affine, frames: Frames, columns: int
) -> tuple[Figure, Callable[[int], list[Any]]]:
    title, first = frames(0)
    side = columns or int(np.ceil(np.sqrt(len(first))))
    lines = int(np.ceil(len(first) / side))
    figure, axes = plt.subplots(figsize=(0.5 * side, 0.5 * lines + 0.4), layout="constrained")
    image = show(axes, grid(first, side), units)
    axes.set_title(title)

    def draw(k: int) -> list[Any]:
        title, x = frames(k)
        image.set_data(pixels(grid(x, side), units))
        axes.set_title(title)
        return [image]

    return figure, draw
