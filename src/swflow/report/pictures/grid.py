"""A grid of images, or points."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from swflow.report.pictures import common
from swflow.report.pictures.common import are_images, scatter, show
from swflow.representation.affine import Affine
from swflow.runtime.errors import InputError

MAX_IMAGES = 1024


def grid(units: Affine, x: np.ndarray) -> Figure:
    """Samples `(n, *event_shape)` in data units: a square grid of images, or points.

    Raises InputError for more images than a reader can see.
    """
    if are_images(units):
        if len(x) > MAX_IMAGES:
            raise InputError(f"n={len(x)}: a grid shows at most {MAX_IMAGES} images: lower n.")
        side = int(np.ceil(np.sqrt(len(x))))
        figure, axes = plt.subplots(figsize=(0.6 * side, 0.6 * side))
        show(axes, common.grid(x, side), units)
    else:
        figure, axes = plt.subplots(figsize=(5, 5))
        scatter(axes, x)
        axes.set(aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
    return figure
