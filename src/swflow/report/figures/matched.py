"""Copies over the distance to real rows: early stopping, and each kind of regularisation."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from swflow.report.figures.common import (
    add_legend,
    copies_over_distance,
    flow_or_model,
    model_colours,
    panel_grid,
)
from swflow.report.names import shown
from swflow.report.paths import mean_paths
from swflow.report.regularisers import KINDS, STOPPING

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
    means = mean_paths(metrics)
    panels = sorted(
        set(zip(means["dataset"], means["kind"], strict=True)),
        key=lambda panel: (panel[0], panel[1] != STOPPING, panel[1]),
    )
    figure, grid = panel_grid(len(panels), COLUMNS, (3.1, 2.9), (0.4, 0.9))
    colours = model_colours(metrics, means["model"])
    for axes, (dataset, kind) in zip(grid.flat, panels, strict=False):
        own = means[means["dataset"] == dataset]
        of_kind, stopped = own[own["kind"] == kind], own[own["kind"] == STOPPING]
        for model in of_kind["model"].unique():
            if kind != STOPPING:
                _draw(axes, stopped[stopped["model"] == model], "0.65", model)
            _draw(axes, of_kind[of_kind["model"] == model], colours[model], model)
        copies_over_distance(axes, own["distance"])
        axes.set_title(f"{KINDS[kind].name}\n{shown(dataset)}", fontsize=10)
    lines = [
        Line2D([], [], color=colour, marker="o", ls=flow_or_model(model), label=shown(model))
        for model, colour in colours.items()
    ]
    add_legend(figure, [*lines, Line2D([], [], color="0.65", label="early stopping")])
    return figure


def _draw(axes: Any, path: pd.DataFrame, colour: Any, model: str) -> None:
    """One path, from weak to strong."""
    if len(path):
        kind = KINDS[path["kind"].iloc[0]]
        path = path.sort_values("strength", ascending=kind.rises, na_position="first")
        style = {"marker": "o", "ms": 3, "ls": flow_or_model(model)}
        axes.plot(path["distance"], path["copied"], color=colour, **style)
