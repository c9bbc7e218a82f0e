"""Held-out images, what is known of them, and several completions of each."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from swflow.models.completing import CompletingModel
from swflow.randomness import keyed_generator
from swflow.report.pictures.common import N_IMAGES, by_class, show, strip
from swflow.representation.dataset import Dataset, Split

REPEATS = 4  # completions of each image


def picture(model: CompletingModel, dataset: Dataset, seed: int) -> Figure:
    """N_IMAGES held-out images that the seed chooses, of each class in turn.

    At the end of the flow, its first entropy and the most passes that are scored.
    """
    known = model.spec.known_coordinates
    assert known is not None
    rows = _chosen(dataset.fresh, seed)
    real = dataset.units.decode(rows)
    seen = dataset.units.decode(np.where(known.numpy(), rows, np.nan))
    lines = {"known": seen}
    for number in range(1, REPEATS + 1):
        generator = keyed_generator(seed, "completions", number)
        made = model.complete(torch.from_numpy(seen), passes=model.passes[-1], generator=generator)
        lines[f"completed, {number}"] = made.numpy()
    lines["real"] = real
    figure, panels = plt.subplots(
        len(lines),
        1,
        figsize=(0.8 * N_IMAGES + 1, 0.85 * len(lines)),
        layout="constrained",
    )
    for axes, (name, images) in zip(panels, lines.items(), strict=True):
        show(axes, strip(images, N_IMAGES), dataset.units)
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
    return figure


def _chosen(split: Split, seed: int) -> np.ndarray:
    """Rows `(N_IMAGES, d)` of a split."""
    order = np.random.default_rng(seed).permutation(len(split.x))
    rows = split.rows()[order]
    if split.y is None:
        return rows[:N_IMAGES]
    return rows[next(by_class(split.y[order], 1))]
