"""Images between two source points, carried by a model: one image turns into another."""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure

from swflow.models.source_model import SourceModel
from swflow.randomness import keyed_generator
from swflow.report.pictures.common import show, strip

STEPS = 10  # images in a line, both ends included
UNCLASSED_LINES = 6


def picture(model: SourceModel, seed: int) -> Figure:
    """A line for each class, between two source points that the seed chooses.

    At the end of the flow, its first entropy and the most passes that are scored. Points between
    have the source's law, too: cos φ·x₀ + sin φ·x₀′ in its copula, φ from 0 to π/2.
    """
    spec = model.spec
    labels: tuple[int | None, ...] = spec.labels or (None,) * UNCLASSED_LINES
    figure, panels = plt.subplots(
        len(labels),
        1,
        figsize=(0.8 * STEPS + 0.6, 0.82 * len(labels)),
        squeeze=False,
        layout="constrained",
    )
    generator = keyed_generator(seed, "interpolation")
    angle = torch.linspace(0, math.pi / 2, STEPS)[:, None]
    for axes, label in zip(panels[:, 0], labels, strict=True):
        a, b = model.sources(2, generator)
        between = model.between(a.expand(STEPS, -1), b.expand(STEPS, -1), angle)
        x = model.transport(between, label=label, passes=model.passes[-1])
        show(axes, strip(model.to_data(x).numpy(), STEPS), spec.units)
        if label is not None:
            axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)
    return figure
