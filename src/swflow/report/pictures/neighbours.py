"""Images drawn at random beside the training images nearest to them, in pixels and in features."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.neighbors import NearestNeighbors

from swflow.models.draws import Draws
from swflow.report.names import shown
from swflow.report.pictures.common import N_IMAGES, show, strip
from swflow.representation.dataset import Dataset
from swflow.representation.features import FeatureSpace

LINES = ("{}", "nearest in pixels", "nearest in features")


def picture(
    rows: Mapping[str, Draws], dataset: Dataset, images: Dataset, features: FeatureSpace, seed: int
) -> Figure:
    """N_IMAGES draws of each row, chosen by the seed alone, and the nearest training images.

    dataset: what was drawn, images or their latents; images: real ones; features: of a classifier.
    """
    real = images.units.decode(images.rows("train"))
    spaces = _Nearest(images.rows("train")), _Nearest(features.look(real).features)
    figure, panels = plt.subplots(
        len(LINES) * len(rows),
        1,
        figsize=(0.8 * N_IMAGES + 1, 0.85 * len(LINES) * len(rows)),
        squeeze=False,
        layout="constrained",
    )
    for index, (name, draws) in enumerate(rows.items()):
        chosen = _at_random(draws, seed)
        made = dataset.units.decode(draws.flat[chosen])
        seen = images.units.encode(made).reshape(len(made), -1), features.look(made).features
        lines = [
            made,
            *(real[space.to(points)] for space, points in zip(spaces, seen, strict=True)),
        ]
        for line, of in enumerate(lines):
            axes = panels[len(LINES) * index + line, 0]
            show(axes, strip(of, N_IMAGES), images.units)
            label = LINES[line].format(shown(name))
            axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)
    return figure


class _Nearest:
    def __init__(self, rows: np.ndarray) -> None:
        self.search = NearestNeighbors(n_neighbors=1).fit(rows)

    def to(self, points: np.ndarray) -> np.ndarray:
        """Number of the nearest row to each of `points (n, d)`."""
        found: np.ndarray = self.search.kneighbors(points, return_distance=False)[:, 0]
        return found


def _at_random(draws: Draws, seed: int) -> np.ndarray:
    """N_IMAGES rows; where there are classes, one of each in turn."""
    order = np.random.default_rng(seed).permutation(len(draws.x))
    if draws.label is None:
        return order[:N_IMAGES]
    classes = np.unique(draws.label)
    turn = classes[np.arange(N_IMAGES) % len(classes)]
    place = np.arange(N_IMAGES) // len(classes)
    of_class = {known: order[draws.label[order] == known] for known in classes}
    return np.array([of_class[k][p] for k, p in zip(turn, place, strict=True)])
