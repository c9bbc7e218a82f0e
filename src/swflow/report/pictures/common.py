"""What pictures of samples share: scatter plots, strips and grids of images."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from swflow.models.draws import Draws
from swflow.report.names import shown as in_words
from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset

N_PANELS, N_POINTS, N_PATHS, N_IMAGES = 5, 4000, 150, 10
GAP = "#dbe6f0"  # between images, fainter than they are
IMAGE_MAP = matplotlib.colormaps["gray_r"].with_extremes(bad=GAP)
CLASS_COLOURS = sns.color_palette("colorblind")
# A picture of a row: the labels of its panels, and the samples in each.
Panels = dict[str, Draws]


def plane_figure(
    dataset: Dataset, shown: dict[str, Panels], paths: dict[str, list[Draws]] | None = None
) -> Figure:
    """A line of scatter plots for each row; with paths, the last panel joins the same rows."""
    labels = panel_labels(shown)
    columns = len(labels) + bool(paths)
    figure, panels = plt.subplots(
        len(shown), columns, figsize=(2.3 * columns, 2.3 * len(shown) + 0.3), squeeze=False
    )
    real = plane(dataset.units.decode(dataset.rows("test")))
    titles = [*labels, f"paths, {labels[0]} to {labels[-1][4:]}"] if paths else labels
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, fontsize=10)
    for line, (name, draws) in zip(panels, shown.items(), strict=True):
        for axes, label in zip(line, labels, strict=False):
            if label in draws:
                of = draws[label]
                scatter(axes, dataset.units.decode(of.x), of.label)
            else:
                axes.text(0.5, 0.5, "none", ha="center", transform=axes.transAxes, color="0.5")
                axes.spines[:].set_visible(False)
        if paths and name in paths:
            _paths(line[-1], dataset.units, paths[name])
        elif paths:
            line[-1].set_visible(False)
        line[0].set_ylabel(in_words(name))
        for axes in line:
            frame(axes, real.min(axis=0), real.max(axis=0))
    return figure


def frame(axes: Any, low: np.ndarray, high: np.ndarray) -> None:
    """Show the plane between two corners, and a little around it."""
    margin = 0.15 * (high - low) + (high == low)  # of one dimension the second is empty
    for along, least, most in zip("xy", low - margin, high + margin, strict=True):
        axes.set(**{f"{along}lim": (least, most), f"{along}ticks": []})
    axes.set_aspect("equal")


def _paths(axes: Any, units: Affine, draws: list[Draws]) -> None:
    """Lines through the same rows at every time: one source point each, where rows are paired."""
    paths = np.stack([plane(units.decode(d.x[:N_PATHS])) for d in draws])
    axes.plot(paths[..., 0], paths[..., 1], color="0.5", linewidth=0.4, alpha=0.7)
    axes.scatter(*paths[0].T, s=3, color="C1", zorder=2, label="first")
    axes.scatter(*paths[-1].T, s=3, color="C0", zorder=3, label="last")
    beneath = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "ncols": 2, "frameon": False}
    axes.legend(**beneath, fontsize=9, markerscale=2, handletextpad=0)


def image_figure(dataset: Dataset, shown: dict[str, Panels]) -> Figure:
    """Strips of images for each row of the table and each panel, real images below.

    Whichever are more stand below each other.
    """
    names, labels = list(shown), panel_labels(shown)
    cells = [[shown[name].get(label) for name in names] for label in labels]
    lines, columns = labels, names
    if len(names) > len(labels):
        cells = [list(line) for line in zip(*cells, strict=True)]
        lines, columns = names, labels
    figure, panels = plt.subplots(
        len(lines) + 1,
        len(columns),
        figsize=(0.5 * N_IMAGES * len(columns) + 1, 0.56 * len(lines) + 1.06),
        squeeze=False,
        layout="constrained",
    )
    test = dataset.splits["test"]
    classed = any(d.label is not None for draws in shown.values() for d in draws.values())
    real = np.asarray(test.x)
    if classed and test.y is not None:
        real = np.concatenate([real[rows] for rows in by_class(test.y, len(columns))])
    for column, title in enumerate(columns):
        own = real[N_IMAGES * column : N_IMAGES * (column + 1)]
        for axes, draws in zip(panels[:, column], [line[column] for line in cells], strict=False):
            # Where there are none, other images keep the place.
            images = own if draws is None else first_images(draws)
            show_strip(axes, images, dataset.units).set_visible(draws is not None)
        show_strip(panels[-1, column], own, dataset.units)
        panels[0, column].set_title(in_words(title), fontsize=11)
    below = "real" if dataset.units.packed is None else "reconstructed"
    for axes, label in zip(panels[:, 0], [*lines, f"{below}, test split"], strict=True):
        axes.set_ylabel(in_words(label), rotation=0, ha="right", va="center", fontsize=10)
    return figure


def first_images(draws: Draws) -> np.ndarray:
    """The first N_IMAGES samples, or the first of each of as many classes."""
    if draws.label is None:
        return draws.x[:N_IMAGES]
    return draws.x[next(by_class(draws.label, 1))]


def by_class(label: np.ndarray, n: int) -> Iterator[np.ndarray]:
    """Yield n times the row numbers of the first N_IMAGES classes, in order, each row once.

    A class with fewer than n rows begins anew; with few classes each comes several times.
    """
    classes = np.unique(label)
    chosen = classes[np.arange(N_IMAGES) % len(classes)]
    rows = {known: itertools.cycle(np.flatnonzero(label == known)) for known in classes}
    for _ in range(n):
        yield np.array([next(rows[known]) for known in chosen])


def panel_labels(shown: dict[str, Panels]) -> list[str]:
    """Labels of all rows, in the order in which they come."""
    return list(dict.fromkeys(label for draws in shown.values() for label in draws))


def show(axes: Any, image: np.ndarray, units: Affine) -> Any:
    """An image `(height, width)` or `(height, width, 3)` in data units, in the data's range."""
    low, high = units.value_range
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    shown = pixels(image, units)
    return axes.imshow(shown, cmap=IMAGE_MAP, vmin=low, vmax=high, interpolation="nearest")


def pixels(image: np.ndarray, units: Affine) -> np.ndarray:
    """What is drawn of an image: grey values as they are, colours in [0, 1], gaps (NaN) in GAP."""
    if image.ndim == 2:
        return image
    low, high = units.value_range
    colours = np.clip((image - low) / (high - low), 0, 1)
    return np.where(np.isnan(image), matplotlib.colors.to_rgb(GAP), colours)


def show_strip(axes: Any, images: np.ndarray, units: Affine) -> Any:
    """Images `(·, *event_shape)`, given in model units, side by side."""
    return show(axes, strip(units.decode(images), N_IMAGES), units)


def strip(images: np.ndarray, n: int) -> np.ndarray:
    """Images side by side, n places wide, with a gap (NaN) between.

    `(·, height, width)` give `(height, ·)`; `(·, 3, height, width)` give `(height, ·, 3)`; of other
    channels the mean is shown.
    """
    if images.ndim == 4:
        coloured = images.shape[1] == 3
        images = np.moveaxis(images, 1, -1) if coloured else images.mean(axis=1)
    sides = [(0, n - len(images)), (0, 0), (0, 1), (0, 0)]
    padded = np.pad(images, sides[: images.ndim], constant_values=np.nan)
    return np.concatenate(list(padded), axis=1)[:, :-1]


def grid(images: np.ndarray, side: int) -> np.ndarray:
    """Lines of `side` images, with gaps (NaN) between."""
    lines = [strip(images[k : k + side], side) for k in range(0, len(images), side)]
    below = [(0, 1), (0, 0), (0, 0)]
    padded = [np.pad(line, below[: line.ndim], constant_values=np.nan) for line in lines]
    return np.concatenate(padded)[:-1]


def scatter(axes: Any, x: np.ndarray, label: np.ndarray | None = None) -> Any:
    """Points, in a colour for each class where there are classes."""
    points = plane(x)[:N_POINTS]
    colour: Any = "C0"
    if label is not None:
        numbers = np.unique(label, return_inverse=True)[1][:N_POINTS]
        colour = [CLASS_COLOURS[number % len(CLASS_COLOURS)] for number in numbers]
    return axes.scatter(*points.T, s=1, alpha=0.4, linewidth=0, color=colour, rasterized=True)


def plane(x: np.ndarray) -> np.ndarray:
    """The first two coordinates `(n, 2)`; in one dimension the second is 0."""
    flat = x.reshape(len(x), -1)[:, :2]
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def are_images(units: Affine) -> bool:
    """Whether events have a height and a width, in data units."""
    return len(units.data_shape) >= 2


def most_passes(draws: Sequence[Draws]) -> list[Draws]:
    """The draws of a sample file with the largest number of passes."""
    most = max(d.condition.passes for d in draws)
    return [d for d in draws if d.condition.passes == most]


def at_end(draws: Sequence[Draws]) -> list[Draws]:
    """The draws at the end of the flow, and those that know no time."""
    last = max(d.condition.time or 0.0 for d in draws)
    return [d for d in draws if d.condition.time in (None, last)]


def spread(draws: list[Draws]) -> list[Draws]:
    """At most N_PANELS of them, the last included, evenly spread."""
    if len(draws) <= N_PANELS:
        return draws
    return [draws[i] for i in np.linspace(0, len(draws) - 1, N_PANELS).round().astype(int)]
