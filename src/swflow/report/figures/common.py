"""What figures share: panels, lines, axes, colours and legends."""

import itertools
import math
import re
from typing import Any, Literal

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from swflow.report.names import shown
from swflow.settings import PARTICLES, TEST_SET

PALETTE = "colorblind"
FLOW_COLOUR = "0.25"
REGULARISATION = {
    "ratio": "SW₂ to real rows / floor",
    "coverage": "coverage",
    "memorisation_a": "A: nearer to training rows\nthan held-out rows are",
    "memorisation_s": "S: nearer to training rows\nthan to as many held-out rows",
}
N_COLUMNS = 3
MOST_LINES = 5  # in one panel
# Inches that an entry of a legend takes.
ENTRY_WIDTH = 1.5
LINE_STYLES: list[Any] = ["-", ":", "-.", (0, (5, 1, 1, 1, 1, 1))]
MARKERS = "osD^vP*X<>h"  # one more than colours: no pair comes twice
TIME_LABEL = "flow time τ"
# Lines at what a perfect model scores.
REFERENCE: dict[str, Any] = {"color": "0.4", "linestyle": "--", "linewidth": 1}
ANOTHER_RUN = Line2D([], [], **REFERENCE, label="draws of another run")
REAL_ROWS = Line2D([], [], **REFERENCE, label="held-out real rows")
# And lines at what is not perfect but fresh, where dashes mean something else.
FRESH: dict[str, Any] = {"color": "0.4", "linestyle": ":", "linewidth": 1}


def panel_grid(
    n: int,
    columns: int,
    size: tuple[float, float],
    margin: tuple[float, float],
    sharey: bool | Literal["row"] = False,
) -> tuple[Figure, np.ndarray]:
    """A figure of n panels of this size, in inches, line by line, and its axes `(·, columns)`."""
    lines = -(-n // columns)
    figure, panels = plt.subplots(
        lines,
        columns,
        figsize=(size[0] * columns + margin[0], size[1] * lines + margin[1]),
        sharey=sharey,
        squeeze=False,
        layout="constrained",
    )
    for axes in panels.flat[n:]:
        axes.set_visible(False)
    return figure, panels


def groups_of(table: pd.DataFrame, keys: list[str]) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Rows by what keys hold, in the order of people: numbers within names count as numbers."""

    def order(found: tuple[tuple[Any, ...], pd.DataFrame]) -> list[list[Any]]:
        parts = (re.split(r"(\d+)", re.sub(r"(?<=\d),(?=\d)", "", str(name))) for name in found[0])
        return [[int(part) if part.isdigit() else part for part in name] for name in parts]

    return sorted(table.groupby(keys), key=order)


def draw_line(
    axes: Any, x: pd.Series, table: pd.DataFrame, y: str, colour: Any, style: dict[str, Any]
) -> None:
    """Column y over x, with its interval where there is one."""
    axes.plot(x, table[y], color=colour, **style)
    if f"{y}_low" in table:
        bounds = table[f"{y}_low"], table[f"{y}_high"]
        axes.fill_between(x, *bounds, color=colour, alpha=0.15, linewidth=0)


def add_legend(figure: Figure, handles: list[Line2D], width: float = ENTRY_WIDTH) -> None:
    """Above all panels, in lines no longer than the figure is wide; width: inches of an entry."""
    columns = min(len(handles), int(figure.get_figwidth() / width))
    figure.legend(handles=handles, frameon=False, loc="outside upper center", ncols=columns)
    sns.despine(figure)


def line_handles(colours: dict[str, Any]) -> list[Line2D]:
    """What a legend shows for lines of these names and colours."""
    return [
        Line2D([], [], color=colour, marker="o", label=shown(name))
        for name, colour in colours.items()
    ]


def entropy_colours(metrics: pd.DataFrame, shown: pd.Series) -> dict[Any, Any]:
    """From dark to light with the entropies that are shown, the same in every figure of a study.

    metrics: all of the study's.
    """
    found = sorted(metrics["entropy"].dropna().unique())
    known = dict(zip(found, sns.color_palette("viridis", len(found)), strict=True))
    return {of: known[of] for of in sorted(shown.dropna().unique())}


def entropy_handles(colours: dict[Any, Any]) -> list[Line2D]:
    """What a legend shows for the colours of entropies."""
    return line_handles({f"ε = {entropy:g}": colour for entropy, colour in colours.items()})


def outermost(table: pd.DataFrame) -> pd.DataFrame:
    """Of each flow the smallest and the largest entropy, and rows that were scored at both.

    Panels over time bear no more lines; those over entropy show all of it.
    """
    keys, entropy = ["dataset", "teacher"], table["entropy"]
    of_flow = table.groupby(keys)["entropy"]
    found = table[(entropy == of_flow.transform("min")) | (entropy == of_flow.transform("max"))]
    known = found.groupby([*keys, "model"])["entropy"].transform("nunique")
    return found[known == found.groupby(keys)["entropy"].transform("nunique")]


def model_styles(table: pd.DataFrame) -> dict[Any, Any]:
    """Dashed lines for the flow, other lines and marks for models, the first for what has most."""
    models = most_first(table["model"][table["model"] != PARTICLES])
    kinds = [{"marker": mark, "ls": line} for mark in MARKERS for line in LINE_STYLES]
    return {PARTICLES: {"marker": "o", "ls": "--"}} | dict(zip(models, kinds, strict=False))


def most_first(models: pd.Series) -> list[str]:
    """Each once, first that of most rows."""
    rows = models.value_counts()
    return sorted(rows.index, key=lambda name: (-rows[name], name))


def entropy_and_model_legend(
    figure: Figure, colours: dict[Any, Any], styles: dict[Any, Any]
) -> None:
    """Colours are entropies, kinds of lines are models."""
    handles = entropy_and_model_handles(colours, styles)
    add_legend(figure, [*handles, Line2D([], [], **FRESH, label="fresh data")])


def entropy_and_model_handles(colours: dict[Any, Any], styles: dict[Any, Any]) -> list[Line2D]:
    """What a legend shows where colours are entropies and kinds of lines are models."""
    return entropy_handles(colours) + [
        Line2D([], [], color="0.3", **style, label=shown(name)) for name, style in styles.items()
    ]


def side_by_side(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Each dataset that has several flows, with their rows after time 0 at the smallest entropy.

    Once for every MOST_LINES flows: in as few parts as that takes, as even as can be.
    """
    found = table[table["time"] > 0]
    least = found.groupby(["dataset", "teacher"])["entropy"].transform("min")
    found = found[found["entropy"] == least]
    return [
        (str(dataset), own[own["teacher"].isin(some)])
        for dataset, own in found.groupby("dataset")
        if (flows := own["teacher"].nunique()) > 1
        for some in np.array_split(sorted(own["teacher"].unique()), -(-flows // MOST_LINES))
    ]


def colours_of(names: pd.Series) -> dict[Any, Any]:
    """A colour for each name; the one with most rows has the first."""
    rows = names.value_counts()
    found = sorted(rows.index, key=lambda name: (-rows[name], name))
    palette = PALETTE if len(found) <= len(sns.color_palette(PALETTE)) else "husl"
    return dict(zip(found, sns.color_palette(palette, len(found)), strict=True))


def model_colours(metrics: pd.DataFrame, shown: pd.Series) -> dict[Any, Any]:
    """A colour for each model that is shown, the same in every figure of a study; flows are grey.

    metrics: all of the study's.
    """
    models = metrics.loc[~metrics["model"].isin([PARTICLES, TEST_SET]), "model"]
    known = colours_of(models) | {PARTICLES: FLOW_COLOUR}
    return {name: known[name] for name in sorted(shown.unique())}


def passes_styles(table: pd.DataFrame) -> dict[Any, Any]:
    """A kind of line for each number of passes, of models that have several."""
    several = table.groupby("model")["passes"].transform("nunique") > 1
    known = sorted(table.loc[several, "passes"].unique())
    return dict(zip(known, itertools.cycle(LINE_STYLES), strict=False))


def model_handles(colours: dict[Any, Any], styles: dict[Any, Any]) -> list[Line2D]:
    """Colours are models, kinds of lines are passes."""
    return line_handles(colours) + [
        Line2D([], [], color="0.3", ls=style, label=f"k = {passes:g}")
        for passes, style in styles.items()
    ]


def entropy_axis(axes: Any, entropies: pd.Series) -> None:
    """Spread grows as √ε for small ε: so does the axis. Labels that would touch are left out."""
    end = 1.1 * entropies.max()
    ticks: list[float] = []
    for entropy in sorted(entropies.unique()):
        if not ticks or math.sqrt(entropy) - math.sqrt(ticks[-1]) > 0.12 * math.sqrt(end):
            ticks.append(entropy)
    axes.set_xscale("function", functions=(np.sqrt, np.square))
    axes.set_xlim(0, end)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])


def time_axis(axes: Any, end: float) -> None:
    """Stored times are even in log(1 + τ): so is the axis."""
    axes.set_xscale("function", functions=(np.log1p, np.expm1))
    ticks = [t for t in (0, 1, 3, 10, 30, 100, 300, 1000, 3000) if t <= end]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.set_xlim(0, np.expm1(1.03 * np.log1p(end)))  # room for the last marker


def plain_log_axis(axes: Any, low: float, high: float) -> None:
    """As high as the data, with plain ticks."""
    plain_ticks(axes.yaxis, low, high)
    axes.set_ylim(low / 1.15, high * 1.15)


def plain_ticks(axis: Any, low: float, high: float) -> None:
    """Plain numbers: 1, 2, 5 × 10^n; over long ranges 1 alone, over short ones evenly.

    Limits of the axis are to be set after it.
    """
    if high < 3 * low:
        ticks = [t for t in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high) if t > 0]
    else:
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        within = (1, 2, 5) if high < 1000 * low else (1,)
        ticks = [k * 10.0**d for d in decades for k in within]
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_minor_locator(NullLocator())


def copies_over_distance(axes: Any, distances: pd.Series) -> None:
    """Copied fraction over the distance to real rows: labels, limits, and where fresh rows are."""
    axes.axhline(0, **FRESH)
    axes.set(xscale="log", xlabel="distance to real rows / floor", ylabel="copied fraction")
    low, high = distances.min(), distances.max()
    plain_ticks(axes.xaxis, low, high)
    axes.set_xlim(low / 1.1, high * 1.1)


def flow_or_model(model: str) -> str:
    """Dashes for the flow, a full line for models."""
    return "--" if model == PARTICLES else "-"


def row_lines(
    axes: Any,
    table: pd.DataFrame,
    x: str,
    y: str,
    colours: dict[Any, Any],
    styles: dict[Any, Any],
    bounded: float | None = None,
) -> None:
    """A line for each row and entropy, with its interval where there is one.

    bounded: only at this entropy, where intervals of all would cover each other.
    """
    for (model, _, entropy), part in table.sort_values(x).groupby(["model", "passes", "entropy"]):
        if bounded not in (None, entropy):
            part = part.drop(columns=[f"{y}_low", f"{y}_high"], errors="ignore")
        draw_line(axes, part[x], part, y, colours[entropy], styles[model] | {"markersize": 3})


def share_axis(axes: Any, table: pd.DataFrame, y: str, end: float = 1.0) -> None:
    """From 0 to the end, with the share of fresh data where shares have intervals."""
    if f"{y}_low" in table:
        axes.axhline(0.5, **FRESH)
    axes.set_ylim(0, 1.02 * end)
