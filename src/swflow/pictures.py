"""Pictures of samples: over time, over entropy, as a grid, and moving."""

import itertools
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.animation import FuncAnimation
from matplotlib.animation import writers as movie_writers
from matplotlib.figure import Figure

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.sampling import Draws, read_samples
from swflow.units import Units

N_PANELS, N_POINTS, N_PATHS, N_IMAGES, MAX_IMAGES = 5, 4000, 150, 8, 1024
IMAGE_MAP = matplotlib.colormaps["gray_r"].with_extremes(bad="#9ecae1")
CLASS_COLOURS = sns.color_palette("colorblind")
# A picture of a row: the labels of its panels, and the samples in each.
Panels = dict[str, Draws]
# Of an animation: the title and the samples `(n, *event_shape)`, in data units, of each frame.
Frames = Callable[[int], tuple[str, np.ndarray]]


def times_picture(dataset: Dataset, samples: dict[str, Path], entropy: float) -> Figure:
    """Samples over time at one entropy, a row for the flow and for each model that has it.

    Models of the data alone, without entropy, are shown beside the end of the flow.

    dataset: for units and real rows. samples: sample files by row name. Row i of a sample starts
    at one source point at all times. Images are shown as images, anything else as its first two
    coordinates. Raises InputError where no file has samples at that entropy.
    """
    rows, ends = {}, {}
    for name, path in samples.items():
        draws = _most_passes(path)
        if own := [d for d in draws if np.isclose(d.point.entropy, entropy)]:
            rows[name] = own
        elif math.isnan(draws[-1].point.entropy):
            ends[name] = draws[-1]
    if not rows:
        raise InputError(f"no sample file has samples at entropy {entropy:g}.")
    shown = {
        name: {f"τ = {d.point.time:.3g}": d for d in _spread(own)} for name, own in rows.items()
    }
    last = _labels(shown)[-1]
    shown |= {name: {last: draws} for name, draws in ends.items()}
    if _are_images(dataset.units):
        return _image_figure(dataset, shown)
    return _plane_figure(dataset, shown, paths=rows)


def entropies_picture(dataset: Dataset, samples: dict[str, Path]) -> Figure:
    """Samples at the end of the flow over entropy, a row for the flow and each of its models.

    Rows without entropy are shown where no other is.
    """
    shown = {}
    for name, path in samples.items():
        draws = _most_passes(path)
        end = max(d.point.time for d in draws)
        shown[name] = {f"ε = {d.point.entropy:g}": d for d in draws if not d.point.time < end}
    flows = {name: panels for name, panels in shown.items() if "ε = nan" not in panels}
    figure = _image_figure if _are_images(dataset.units) else _plane_figure
    return figure(dataset, flows or shown)


def grid_picture(units: Units, x: np.ndarray) -> Figure:
    """Samples `(n, *event_shape)` in data units: a square grid of images, or points.

    Raises InputError for more images than a reader can see.
    """
    if _are_images(units):
        if len(x) > MAX_IMAGES:
            raise InputError(f"n={len(x)}: a grid shows at most {MAX_IMAGES} images: lower n.")
        side = int(np.ceil(np.sqrt(len(x))))
        figure, axes = plt.subplots(figsize=(0.6 * side, 0.6 * side))
        _show(axes, _grid(x, side), units)
    else:
        figure, axes = plt.subplots(figsize=(5, 5))
        _scatter(axes, x)
        axes.set(aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
    return figure


def animate(units: Units, frames: Frames, n_frames: int, rate: int, out: Path) -> None:
    """Write a GIF or MP4 of samples over time, by the ending of `out`.

    rate: frames a second; the last frame is held for a second.
    Raises InputError for another ending, or MP4 where ffmpeg is not installed.
    """
    writers = {".gif": "pillow", ".mp4": "ffmpeg"}
    if out.suffix not in writers:
        raise InputError(f"{out}: the ending must be .gif or .mp4.")
    if not movie_writers.is_available(writers[out.suffix]):
        raise InputError(f"{out}: ffmpeg is not installed; install it, or write a .gif.")
    moving = _moving_images if _are_images(units) else _moving_points
    figure, draw = moving(units, frames, n_frames)
    last = [n_frames - 1] * rate
    movie = FuncAnimation(figure, draw, frames=[*range(n_frames), *last], init_func=list)
    with tempfile.TemporaryDirectory() as folder:  # writers go by a file's ending
        made = Path(folder) / out.name
        movie.save(made, writer=writers[out.suffix], fps=rate, dpi=100)
        with atomic_path(out) as partial:
            shutil.copyfile(made, partial)
    plt.close(figure)


def _moving_points(
    units: Units, frames: Frames, n_frames: int
) -> tuple[Figure, Callable[[int], list[Any]]]:
    figure, axes = plt.subplots(figsize=(4, 4.2), layout="constrained")
    title, first = frames(0)
    ends = np.concatenate([_plane(first), _plane(frames(n_frames - 1)[1])])
    points = _scatter(axes, first)
    _frame(axes, *np.quantile(ends, [0.001, 0.999], axis=0))
    axes.set_title(title)

    def draw(k: int) -> list[Any]:
        title, x = frames(k)
        points.set_offsets(_plane(x)[:N_POINTS])
        axes.set_title(title)
        return [points]

    return figure, draw


def _moving_images(
    units: Units, frames: Frames, n_frames: int
) -> tuple[Figure, Callable[[int], list[Any]]]:
    title, first = frames(0)
    side = int(np.ceil(np.sqrt(len(first))))
    figure, axes = plt.subplots(figsize=(0.5 * side, 0.5 * side + 0.4), layout="constrained")
    image = _show(axes, _grid(first, side), units)
    axes.set_title(title)

    def draw(k: int) -> list[Any]:
        title, x = frames(k)
        image.set_data(_grid(x, side))
        axes.set_title(title)
        return [image]

    return figure, draw


def _plane_figure(
    dataset: Dataset, shown: dict[str, Panels], paths: dict[str, list[Draws]] | None = None
) -> Figure:
    """A line of scatter plots for each row; with paths, the last panel joins the same rows."""
    labels = _labels(shown)
    columns = len(labels) + bool(paths)
    figure, panels = plt.subplots(
        len(shown), columns, figsize=(2.3 * columns, 2.3 * len(shown) + 0.3), squeeze=False
    )
    real = _plane(dataset.units.to_data(dataset.rows("test")))
    titles = [*labels, f"paths, {labels[0]} to {labels[-1][4:]}"] if paths else labels
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, fontsize=10)
    for line, (name, draws) in zip(panels, shown.items(), strict=True):
        for axes, label in zip(line, labels, strict=False):
            if label in draws:
                of = draws[label]
                _scatter(axes, dataset.units.to_data(of.x), of.label)
            else:
                axes.text(0.5, 0.5, "none", ha="center", transform=axes.transAxes, color="0.5")
                axes.spines[:].set_visible(False)
        if paths and name in paths:
            _paths(line[-1], dataset.units, paths[name])
        elif paths:
            line[-1].set_visible(False)
        line[0].set_ylabel(name)
        for axes in line:
            _frame(axes, real.min(axis=0), real.max(axis=0))
    return figure


def _frame(axes: Any, low: np.ndarray, high: np.ndarray) -> None:
    """Show the plane between two corners, and a little around it."""
    margin = 0.15 * (high - low) + (high == low)  # of one dimension the second is empty
    for along, least, most in zip("xy", low - margin, high + margin, strict=True):
        axes.set(**{f"{along}lim": (least, most), f"{along}ticks": []})
    axes.set_aspect("equal")


def _paths(axes: Any, units: Units, draws: list[Draws]) -> None:
    """Lines through the same rows at every time: one source point each, where rows are paired."""
    paths = np.stack([_plane(units.to_data(d.x[:N_PATHS])) for d in draws])
    axes.plot(paths[..., 0], paths[..., 1], color="0.5", linewidth=0.4, alpha=0.7)
    axes.scatter(*paths[0].T, s=3, color="C1", zorder=2, label="first")
    axes.scatter(*paths[-1].T, s=3, color="C0", zorder=3, label="last")
    axes.legend(loc="lower right", fontsize=7, markerscale=2, handletextpad=0, frameon=True)


def _image_figure(dataset: Dataset, shown: dict[str, Panels]) -> Figure:
    """Strips of images for each row of the table and each panel, real images below.

    Whichever are more stand below each other.
    """
    names, labels = list(shown), _labels(shown)
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
    real = test.x
    if classed and test.y is not None:
        real = np.concatenate([test.x[rows] for rows in _by_class(test.y, len(columns))])
    for column, title in enumerate(columns):
        own = real[N_IMAGES * column : N_IMAGES * (column + 1)]
        for axes, draws in zip(panels[:, column], [line[column] for line in cells], strict=False):
            # Where there are none, other images keep the place.
            images = own if draws is None else _first_images(draws)
            _show_strip(axes, images, dataset.units).set_visible(draws is not None)
        _show_strip(panels[-1, column], own, dataset.units)
        panels[0, column].set_title(title, fontsize=11)
    for axes, label in zip(panels[:, 0], [*lines, "real, test split"], strict=True):
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)
    return figure


def _first_images(draws: Draws) -> np.ndarray:
    """The first N_IMAGES samples, or the first of each of as many classes."""
    if draws.label is None:
        return draws.x[:N_IMAGES]
    return draws.x[next(_by_class(draws.label, 1))]


def _by_class(label: np.ndarray, n: int) -> Iterator[np.ndarray]:
    """Yield n times the row numbers of the first N_IMAGES classes, in order, each row once.

    A class with fewer than n rows begins anew; with few classes each comes several times.
    """
    classes = np.unique(label)
    chosen = classes[np.arange(N_IMAGES) % len(classes)]
    rows = {known: itertools.cycle(np.flatnonzero(label == known)) for known in classes}
    for _ in range(n):
        yield np.array([next(rows[known]) for known in chosen])


def _labels(shown: dict[str, Panels]) -> list[str]:
    """Labels of all rows, in the order in which they come."""
    return list(dict.fromkeys(label for draws in shown.values() for label in draws))


def _show(axes: Any, image: np.ndarray, units: Units) -> Any:
    low, high = units.value_range
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes.imshow(image, cmap=IMAGE_MAP, vmin=low, vmax=high, interpolation="nearest")


def _show_strip(axes: Any, images: np.ndarray, units: Units) -> Any:
    return _show(axes, _strip(units.to_data(images), N_IMAGES), units)


def _strip(images: np.ndarray, n: int) -> np.ndarray:
    """`(·, height, width)` side by side, n places wide, with a gap (NaN) between."""
    flat = images.reshape(len(images), *images.shape[-2:])
    padded = np.pad(flat, ((0, n - len(flat)), (0, 0), (0, 1)), constant_values=np.nan)
    return np.concatenate(list(padded), axis=1)[:, :-1]


def _grid(images: np.ndarray, side: int) -> np.ndarray:
    """Lines of `side` images, with gaps (NaN) between."""
    lines = [_strip(images[k : k + side], side) for k in range(0, len(images), side)]
    padded = [np.pad(line, ((0, 1), (0, 0)), constant_values=np.nan) for line in lines]
    return np.concatenate(padded)[:-1]


def _scatter(axes: Any, x: np.ndarray, label: np.ndarray | None = None) -> Any:
    """Points, in a colour for each class where there are classes."""
    points = _plane(x)[:N_POINTS]
    colour: Any = "C0"
    if label is not None:
        numbers = np.unique(label, return_inverse=True)[1][:N_POINTS]
        colour = [CLASS_COLOURS[number % len(CLASS_COLOURS)] for number in numbers]
    return axes.scatter(*points.T, s=1, alpha=0.4, linewidth=0, color=colour, rasterized=True)


def _plane(x: np.ndarray) -> np.ndarray:
    """The first two coordinates `(n, 2)`; in one dimension the second is 0."""
    flat = x.reshape(len(x), -1)[:, :2]
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def _are_images(units: Units) -> bool:
    return len(units.event_shape) >= 2


def _most_passes(path: Path) -> list[Draws]:
    """The draws of a sample file with the largest number of passes."""
    draws = list(read_samples(path))
    most = max(d.point.passes for d in draws)
    return [d for d in draws if d.point.passes == most]


def _spread(draws: list[Draws]) -> list[Draws]:
    """At most N_PANELS of them, the last included, evenly spread."""
    if len(draws) <= N_PANELS:
        return draws
    return [draws[i] for i in np.linspace(0, len(draws) - 1, N_PANELS).round().astype(int)]
