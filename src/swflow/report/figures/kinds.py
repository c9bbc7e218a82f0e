"""All kinds of regularisation side by side: copies over the distance to real rows."""

import itertools
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from swflow.report.figures.common import (
    MARKERS,
    PALETTE,
    add_legend,
    copies_over_distance,
    flow_first,
    flow_or_model,
    groups_of,
    panel_grid,
)
from swflow.report.names import shown
from swflow.report.paths import mean_paths
from swflow.report.regularisers import KINDS, STOPPING

NEEDS = ("regularised", "over_time")
CAPTION = (
    "What each kind of regularisation buys, for each dataset: the part of copies of training rows "
    "over the distance to real rows, as a multiple of that of other real rows; means over seeds. "
    "Grey: early stopping, from the flow's end (nearest) to earlier times. Marks: one for each "
    "kind and strength, hollow for the flow, filled for the network that learned it. Lower at the "
    "same distance is better."
)
COLUMNS = 2
ENTRY_WIDTH = 2.1
FILLS = ("none", "full", "left", "right", "top", "bottom")  # of the flow, and of models


def figure(metrics: pd.DataFrame) -> Figure:
    """Copied fraction over distance of all kinds, a panel for each dataset.

    Raises InputError where nothing but early stopping is compared.
    """
    means = mean_paths(metrics)
    found = [kind for kind in KINDS if kind in set(means["kind"]) - {STOPPING}]
    colours = sns.color_palette(PALETTE, len(found))
    marks: dict[str, dict[str, Any]] = {
        kind: {"color": colour, "marker": mark, "ls": "", "ms": 6}
        for kind, colour, mark in zip(found, colours, MARKERS, strict=False)
    }
    fills = dict(zip(flow_first(means["model"]), itertools.cycle(FILLS), strict=False))
    datasets = groups_of(means.assign(name=means["dataset"].map(shown)), ["name"])
    figure, grid = panel_grid(len(datasets), COLUMNS, (4.6, 3.3), (0.4, 0.9))
    for axes, ((name,), own) in zip(grid.flat, datasets, strict=False):
        for model, fill in fills.items():
            of_model = own[own["model"] == model]
            path = of_model[of_model["kind"] == STOPPING].sort_values("strength")
            line = {"color": "0.65", "ls": flow_or_model(model), "zorder": 1}
            axes.plot(path["distance"], path["copied"], **line)
            for kind, mark in marks.items():
                points = of_model[(of_model["kind"] == kind) & of_model["strength"].notna()]
                axes.plot(points["distance"], points["copied"], fillstyle=fill, **mark)
        copies_over_distance(axes, own["distance"])
        axes.set_title(name, fontsize=10)
    handles = [Line2D([], [], label=KINDS[kind].name, **mark) for kind, mark in marks.items()]
    for model, fill in fills.items():
        style: dict[str, Any] = {"color": "0.4", "marker": "o", "fillstyle": fill}
        handles.append(Line2D([], [], label=shown(model), ls=flow_or_model(model), **style))
    add_legend(figure, handles, ENTRY_WIDTH)
    return figure
