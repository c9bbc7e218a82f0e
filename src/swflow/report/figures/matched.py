"""Copies over the distance to real rows: early stopping, and each kind of regularisation."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from swflow.report.figures.common import FRESH, add_legend, model_colours, panel_grid, plain_ticks
from swflow.report.names import shown
from swflow.report.paths import paths
from swflow.report.regularisers import KINDS, STOPPING
from swflow.runtime.errors import InputError
from swflow.settings import PARTICLES

NEEDS = ("regularised", "over_time")
CAPTION = (
    "What each kind of regularisation buys: the part of copies of training rows over the distance "
    "to real rows, as a multiple of that of other real rows, from no regularisation on (left) to "
    "more and more; means over seeds. Early stopping has a panel of its own, and is grey in the "
    "others. Dashed: the flow; full lines: the network that learned it. Lower at the same distance "
    "is better."
)
COLUMNS = 4


def figure(metrics: pd.DataFrame) -> Figure:
    """Copied fraction over distance for flow and models, a panel for each dataset and kind.

    Raises InputError where nothing but early stopping is compared.
    """
    points = paths(metrics)
    keys = ["dataset", "kind", "model", "passes", "strength"]
    means = points.groupby(keys, dropna=False)[["distance", "copied"]].mean().reset_index()
    panels = sorted(
        set(zip(means["dataset"], means["kind"], strict=True)),
        key=lambda panel: (panel[0], panel[1] != STOPPING, panel[1]),
    )
    if {kind for _, kind in panels} <= {STOPPING}:
        raise InputError("metrics.csv holds no kind of regularisation to compare; add one.")
    figure, grid = panel_grid(len(panels), COLUMNS, (3.1, 2.9), (0.4, 0.9))
    colours = model_colours(metrics, means["model"])
    for axes, (dataset, kind) in zip(grid.flat, panels, strict=False):
        own = means[means["dataset"] == dataset]
        of_kind, stopped = own[own["kind"] == kind], own[own["kind"] == STOPPING]
        for model in of_kind["model"].unique():
            if kind != STOPPING:
                _draw(axes, stopped[stopped["model"] == model], "0.65", model)
            _draw(axes, of_kind[of_kind["model"] == model], colours[model], model)
        axes.axhline(0, **FRESH)
        axes.set(
            xscale="log",
            xlabel="distance to real rows / floor",
            ylabel="copied fraction",
        )
        axes.set_title(f"{KINDS[kind].name}\n{shown(dataset)}", fontsize=10)
        low, high = own["distance"].min(), own["distance"].max()
        plain_ticks(axes.xaxis, low, high)
        axes.set_xlim(low / 1.1, high * 1.1)
    lines = [
        Line2D([], [], color=colour, marker="o", ls=_line(model), label=shown(model))
        for model, colour in colours.items()
    ]
    add_legend(figure, [*lines, Line2D([], [], color="0.65", label="early stopping")])
    return figure


def _draw(axes: Any, path: pd.DataFrame, colour: Any, model: str) -> None:
    """One path, from weak to strong."""
    if len(path):
        kind = KINDS[path["kind"].iloc[0]]
        path = path.sort_values("strength", ascending=kind.rises, na_position="first")
        axes.plot(path["distance"], path["copied"], color=colour, marker="o", ms=3, ls=_line(model))


def _line(model: str) -> str:
    return "--" if model == PARTICLES else "-"
