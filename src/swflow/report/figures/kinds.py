"""All kinds of regularisation side by side: copies over the distance to real rows."""

import itertools
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from swflow.report.figures.common import (
    FRESH,
    LINE_STYLES,
    MARKERS,
    PALETTE,
    add_legend,
    copies_over_distance,
    flow_or_model,
    groups_of,
    most_first,
    panel_grid,
)
from swflow.report.names import shown
from swflow.report.paths import mean_paths
from swflow.report.regularisers import KINDS, STOPPING
from swflow.settings import PARTICLES

NEEDS = ("regularised", "over_time")
CAPTION = (
    "What each kind of regularisation buys: the part of copies of training rows over the distance "
    "to real rows, as a multiple of that of other real rows; means over seeds. Left the flow, "
    "right the networks that learned it, a line of panels for each dataset. Grey: early stopping, "
    "from the flow's end (a dot) to earlier times. Marks: one for each kind and strength. Lower "
    "at the same distance is better."
)
ENTRY_WIDTH = 2.1
# Lines of early stopping, and how marks are filled. Dots are where fresh rows are.
FLOW: dict[str, Any] = {"ls": flow_or_model(PARTICLES), "fillstyle": "full"}
LINES = [style for style in LINE_STYLES if style != FRESH["linestyle"]]
FILLS = ("full", "none", "left", "top", "right", "bottom")
NETWORKS: list[dict[str, Any]] = [
    {"ls": line, "fillstyle": fill}
    for line, fill in zip(itertools.cycle(LINES), FILLS, strict=False)
]


def figure(metrics: pd.DataFrame) -> Figure:
    """Copied fraction over distance of all kinds: for each dataset of the flow, and of models.

    Raises InputError where nothing but early stopping is compared.
    """
    means = mean_paths(metrics)
    found = [kind for kind in KINDS if kind in set(means["kind"]) - {STOPPING}]
    colours = sns.color_palette(PALETTE, len(found))
    marks: dict[str, dict[str, Any]] = {
        kind: {"color": colour, "marker": mark, "ls": "", "ms": 6}
        for kind, colour, mark in zip(found, colours, MARKERS, strict=False)
    }
    flow = means["model"] == PARTICLES
    sides: dict[str, dict[str, dict[str, Any]]] = {}
    for title, side, styles in (("the flow", flow, [FLOW]), ("networks", ~flow, NETWORKS)):
        if models := most_first(means.loc[side, "model"]):
            sides[title] = dict(zip(models, itertools.cycle(styles), strict=False))
    datasets = groups_of(means.assign(name=means["dataset"].map(shown)), ["name"])
    n_panels = len(datasets) * len(sides)
    figure, grid = panel_grid(n_panels, len(sides), (4.6, 2.3), (0.4, 1), sharey="row")
    for line, ((name,), own) in zip(grid, datasets, strict=True):
        for axes, (title, drawn) in zip(line, sides.items(), strict=True):
            _draw(axes, own, drawn, marks)
            axes.set_title(f"{name}: {title}", fontsize=10)
    for axes in grid[:-1].flat:
        axes.set_xlabel("")
    for axes in grid[:, 1:].flat:
        axes.set_ylabel("")
    handles = [Line2D([], [], label=KINDS[kind].name, **mark) for kind, mark in marks.items()]
    for drawn in sides.values():
        for model, style in drawn.items():
            handles.append(Line2D([], [], color="0.4", marker="o", label=shown(model), **style))
    add_legend(figure, handles, ENTRY_WIDTH)
    return figure


def _draw(
    axes: Any, own: pd.DataFrame, styles: dict[str, dict[str, Any]], marks: dict[str, Any]
) -> None:
    """One panel: what is in `own` of these models."""
    for model, style in styles.items():
        of_model = own[own["model"] == model]
        path = of_model[of_model["kind"] == STOPPING].sort_values("strength")
        line = {"color": "0.65", "ls": style["ls"], "marker": ".", "markevery": [-1], "zorder": 1}
        axes.plot(path["distance"], path["copied"], **line)
        for kind, mark in marks.items():
            points = of_model[(of_model["kind"] == kind) & of_model["strength"].notna()]
            fill = style["fillstyle"]
            axes.plot(points["distance"], points["copied"], fillstyle=fill, **mark)
    copies_over_distance(axes, own["distance"])
