"""Figures: numeric ones from metrics.csv alone, pictures from stored samples."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.sampling import Draws, read_samples
from swflow.tables import fidelity_table

PALETTE = "colorblind"
CURVES = {"sw_train": "training rows", "sw_heldout": "held-out rows"}
N_COLUMNS = 3
TIME_LABEL = "flow time τ"
N_PANELS, N_POINTS, N_PATHS, N_IMAGES = 5, 4000, 150, 8


def convergence_figure(metrics: pd.DataFrame) -> Figure:
    """SW of the flow to training and held-out rows over time, and what training rows score."""
    found = metrics[metrics["metric"].isin(CURVES)]
    if found.empty:
        raise InputError("metrics.csv holds no distance of a flow to its data; score particles.")
    groups = list(found.groupby(["dataset", "teacher", "entropy"]))
    lines = -(-len(groups) // N_COLUMNS)
    figure, panels = plt.subplots(
        lines, N_COLUMNS, figsize=(4.2 * N_COLUMNS, 3 * lines), squeeze=False, layout="constrained"
    )
    for axes, (key, group) in zip(panels.flat, groups, strict=False):
        dataset, teacher, entropy = key
        shown = group.replace({"metric": CURVES}).rename(columns={"metric": "distance to"})
        sns.lineplot(
            shown,
            **{"x": "time", "y": "value", "hue": "distance to", "hue_order": CURVES.values()},
            **{"palette": PALETTE, "marker": "o", "errorbar": "sd", "ax": axes},
            legend=axes is panels.flat[0],
        )
        floor = group.loc[group["metric"] == "sw_heldout", "floor"].mean()
        axes.axhline(floor, color="0.4", linestyle="--", linewidth=1)
        axes.annotate("training rows to held-out rows", (0.02, floor), (0, 3), **_BESIDE_LINE)
        axes.set(yscale="log", xlabel=TIME_LABEL, ylabel="SW₂ (model units)")
        axes.set_title(f"{dataset}, {teacher}, ε = {entropy:g}", fontsize=11)
        _plain_log_axis(axes, min(group["value"].min(), floor), group["value"].max())
        _time_axis(axes, group["time"].max())
    for axes in panels.flat[len(groups) :]:
        axes.set_visible(False)
    sns.despine(figure)
    return figure


def fidelity_figure(metrics: pd.DataFrame) -> Figure:
    """SW to a reference run over the floor, at each time, with 95 % intervals."""
    table = fidelity_table(metrics)
    if table.empty:
        raise InputError("metrics.csv holds no model beside the flow; add one to an experiment.")
    names = sorted(table["dataset"].unique())
    figure, panels = plt.subplots(
        1, len(names), figsize=(4.6 * len(names) + 1, 3.6), sharey=True, squeeze=False
    )
    lines = table.groupby(["model", "entropy"]).ngroups
    colours = dict(zip(_line_names(table), sns.color_palette(PALETTE, lines), strict=False))
    for axes, dataset in zip(panels[0], names, strict=True):
        for name, line in table[table["dataset"] == dataset].groupby(_line_key(table)):
            bounds = (line["ratio_low"], line["ratio_high"])
            axes.plot(line["time"], line["ratio"], marker="o", color=colours[name], label=name)
            axes.fill_between(line["time"], *bounds, color=colours[name], alpha=0.2, linewidth=0)
        axes.axhline(1, color="0.4", linestyle="--", linewidth=1)
        axes.annotate("draws of another run", (0.02, 1), (0, -11), **_BESIDE_LINE)
        axes.set_yscale("log")
        _plain_log_axis(axes, min(0.7, table["ratio_low"].min()), table["ratio_high"].max())
        axes.set_title(dataset)
        axes.set_xlabel(TIME_LABEL)
        _time_axis(axes, table.loc[table["dataset"] == dataset, "time"].max())
    panels[0][0].set_ylabel("SW₂ to a reference run / floor")
    panels[0][0].legend(frameon=False, loc="upper left")
    sns.despine(figure)
    return figure


def samples_figure(dataset: Dataset, samples: dict[str, Path]) -> Figure:
    """Samples over time, a row for the flow and for each model; row i starts at one point.

    dataset: for units and real rows. samples: sample files by row name. Images are shown as
    images, anything else as its first two coordinates.
    """
    rows = {name: _first_entropy(list(read_samples(path))) for name, path in samples.items()}
    shape = dataset.units.event_shape
    return _image_figure(dataset, rows) if len(shape) >= 2 else _plane_figure(dataset, rows)


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "convergence": convergence_figure,
    "fidelity": fidelity_figure,
}


def write_figure(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.svg, without dates inside."""
    for suffix, options in (("png", {"dpi": 150}), ("svg", {"metadata": {"Date": None}})):
        with atomic_path(stem.with_name(f"{stem.name}.{suffix}")) as partial:
            figure.savefig(partial, format=suffix, bbox_inches="tight", **options)
    plt.close(figure)


def _plane_figure(dataset: Dataset, rows: dict[str, list[Draws]]) -> Figure:
    shown = {name: _spread(draws) for name, draws in rows.items()}
    columns = max(len(draws) for draws in shown.values()) + 1
    figure, panels = plt.subplots(
        len(rows), columns, figsize=(2.3 * columns, 2.3 * len(rows) + 0.3), squeeze=False
    )
    real = dataset.units.to_data(dataset.rows("test")).reshape(-1, dataset.dim)[:, :2]
    low, high = real.min(axis=0), real.max(axis=0)
    margin = 0.15 * (high - low)
    for line, (name, draws) in zip(panels, shown.items(), strict=True):
        for axes, group in zip(line, draws, strict=False):
            points = dataset.units.to_data(group.x).reshape(-1, dataset.dim)[:N_POINTS]
            axes.scatter(*points[:, :2].T, s=1, alpha=0.4, linewidth=0, color="C0", rasterized=True)
            axes.set_title(f"τ = {group.time:.3g}", fontsize=10)
        _paths(line[-1], dataset, rows[name])
        line[-1].legend(loc="lower right", fontsize=7, markerscale=2, handletextpad=0, frameon=True)
        line[0].set_ylabel(name)
        for axes in line:
            axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), xticks=[], yticks=[])
            axes.set(ylim=(low[1] - margin[1], high[1] + margin[1]), aspect="equal")
    return figure


def _paths(axes: Any, dataset: Dataset, draws: list[Draws]) -> None:
    """Lines through the same rows at every time: one source point each, where rows are paired."""
    paths = np.stack(
        [dataset.units.to_data(d.x[:N_PATHS]).reshape(-1, dataset.dim)[:, :2] for d in draws]
    )
    axes.plot(paths[..., 0], paths[..., 1], color="0.5", linewidth=0.4, alpha=0.7)
    axes.scatter(*paths[0].T, s=3, color="C1", zorder=2, label="first")
    axes.scatter(*paths[-1].T, s=3, color="C0", zorder=3, label="last")
    axes.set_title(f"paths, τ = {draws[0].time:.2g} to {draws[-1].time:.3g}", fontsize=9)


def _image_figure(dataset: Dataset, rows: dict[str, list[Draws]]) -> Figure:
    """A column for each row of the table, a line for each time, real images below."""
    shown = {name: _spread(draws) for name, draws in rows.items()}
    lines = max(len(draws) for draws in shown.values()) + 1
    figure, panels = plt.subplots(
        lines,
        len(shown),
        figsize=(0.5 * N_IMAGES * len(shown) + 1, 0.56 * lines + 0.5),
        squeeze=False,
        layout="constrained",
    )
    low, high = dataset.units.value_range
    real = dataset.splits["test"].x
    for column, (name, draws) in enumerate(shown.items()):
        start = N_IMAGES * column
        strips = [(f"τ = {d.time:.3g}", d.x[:N_IMAGES]) for d in draws]
        strips.append(("real, test split", real[start : start + N_IMAGES]))
        for axes, (label, images) in zip(panels[:, column], strips, strict=False):
            strip = _strip(dataset.units.to_data(images))
            axes.imshow(strip, cmap=IMAGE_MAP, vmin=low, vmax=high, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if column == 0:
                axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)
        panels[0, column].set_title(name, fontsize=11)
    return figure


def _strip(images: np.ndarray) -> np.ndarray:
    """`(n, height, width)` side by side, with a gap (NaN) between."""
    flat = images.reshape(len(images), *images.shape[-2:])
    padded = np.pad(flat, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
    return np.concatenate(list(padded), axis=1)[:, :-1]


def _first_entropy(draws: Sequence[Draws]) -> list[Draws]:
    return [group for group in draws if group.entropy == draws[0].entropy]


def _spread(draws: list[Draws]) -> list[Draws]:
    """At most N_PANELS of them, the last included, evenly spread."""
    if len(draws) <= N_PANELS:
        return draws
    return [draws[i] for i in np.linspace(0, len(draws) - 1, N_PANELS).round().astype(int)]


def _line_key(table: pd.DataFrame) -> pd.Series:
    """Models by name, with the entropy where the table has several."""
    if table["entropy"].nunique() == 1:
        return table["model"]
    return table["model"] + table["entropy"].map(", ε = {:g}".format)


def _line_names(table: pd.DataFrame) -> list[str]:
    return sorted(_line_key(table).unique())


def _time_axis(axes: Any, end: float) -> None:
    """Stored times are even in log(1 + τ): so is the axis."""
    axes.set_xscale("function", functions=(np.log1p, np.expm1))
    ticks = [t for t in (0, 1, 3, 10, 30, 100, 300, 1000, 3000) if t <= end]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.set_xlim(0, end * 1.05)


def _plain_log_axis(axes: Any, low: float, high: float) -> None:
    """Ticks at 1, 2 and 5 times powers of ten, as plain numbers."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    ticks = [k * 10.0**d for d in decades for k in (1, 2, 5)]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low / 1.15, high * 1.15)


IMAGE_MAP = matplotlib.colormaps["gray_r"].with_extremes(bad="#9ecae1")
_BESIDE_LINE: dict[str, Any] = {
    "xycoords": ("axes fraction", "data"),
    "textcoords": "offset points",
    "fontsize": 8,
    "color": "0.3",
}
