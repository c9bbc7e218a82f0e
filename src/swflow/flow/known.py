"""What is known of an image: pixels that a flow holds, and completes the others to.

Known pixels stand in both laws. The particles' are those of training rows and stay where they are;
the others flow along the drift of the joint law, so that what they end in is conditional (Du et
al. 2023, Nonparametric Generative Modeling with Conditional Sliced-Wasserstein Flows, §4).
"""

from functools import cache

import torch
from torch import Tensor

from swflow.events import image_shape
from swflow.runtime.errors import InputError
from swflow.settings import HalfSettings, KnownSettings, SurroundingsSettings, implementation


@cache
def known_coordinates(settings: KnownSettings, event_shape: tuple[int, ...]) -> Tensor:
    """Which of the d numbers of an event are known: `(d,)` of bool.

    Raises InputError where events are no images, or all or none of their pixels would be known.
    """
    channels, height, width = image_shape(event_shape)
    known: Tensor = implementation(settings)(settings, height, width)
    if known.all() or not known.any():
        much = "all" if known.all() else "none"
        raise InputError(
            f"known = {settings.canonical()}: {much} of the pixels of images of {height} x {width} "
            "would be known; leave some to complete, and some to go by."
        )
    return known.expand(channels, height, width).flatten()


def half(settings: HalfSettings, height: int, width: int) -> Tensor:
    """`(height, width)` of bool: a half; of an odd number of lines the smaller part."""
    known = torch.zeros(height, width, dtype=torch.bool)
    side = {
        "left": (slice(None), slice(width // 2)),
        "right": (slice(None), slice(width - width // 2, None)),
        "top": (slice(height // 2), slice(None)),
        "bottom": (slice(height - height // 2, None), slice(None)),
    }[settings.side]
    known[side] = True
    return known


def surroundings(settings: SurroundingsSettings, height: int, width: int) -> Tensor:
    """`(height, width)` of bool: all but a box. Raises InputError where it leaves the image."""
    top, left, tall, wide = settings.box
    if top + tall > height or left + wide > width:
        raise InputError(
            f"known.box = {list(settings.box)}: rows {top} to {top + tall} and columns {left} to "
            f"{left + wide} are not all within images of {height} x {width}."
        )
    known = torch.ones(height, width, dtype=torch.bool)
    known[top : top + tall, left : left + wide] = False
    return known


def held(points: Tensor, rows: Tensor, known: Tensor) -> Tensor:
    """Points `(n, d)` with what is known of rows `(n, d)` in its place."""
    return torch.where(known.to(points.device), rows.to(points), points)
