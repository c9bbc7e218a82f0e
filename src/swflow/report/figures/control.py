"""Ratio to the floor at every entropy and time, learned from or not."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from swflow.report.figures.common import (
    ANOTHER_RUN,
    N_COLUMNS,
    REFERENCE,
    TIME_LABEL,
    add_legend,
    entropy_colours,
    entropy_handles,
    groups_of,
    panel_grid,
    time_axis,
)
from swflow.report.names import shown
from swflow.report.tables import fidelity
from swflow.runtime.errors import InputError

NEEDS = ("between",)
CAPTION = (
    "Ratio of the network's SW₂ to the flow over the floor, at times and entropies that it "
    "learned from (filled) and in between (open): 1 is a perfect sampler."
)


def figure(metrics: pd.DataFrame) -> Figure:
    """Ratio to the floor at every entropy and time, learned from (filled) or not (open).

    Raises InputError where nothing lies between what was learned from.
    """
    table = fidelity.table(metrics)
    all_learned = table.groupby(["dataset", "teacher", "model"])["trained"].transform("all")
    points = table[~all_learned]
    groups = groups_of(points, ["dataset", "teacher", "model", "passes"])
    if not groups:
        raise InputError("metrics.csv holds no time or entropy between those learned; add one.")
    columns = min(len(groups), N_COLUMNS - 1)
    figure, panels = panel_grid(len(groups), columns, (5, 3.2), (0, 0.6), sharey=True)
    colours = entropy_colours(metrics, points["entropy"])
    for axes, (key, group) in zip(panels.flat, groups, strict=False):
        for entropy, line in group.groupby("entropy"):
            colour = colours[entropy]
            axes.plot(line["time"], line["ratio"], color=colour, linewidth=1)
            for trained, part in line.groupby("trained"):
                face = colour if trained else "white"
                at = (part["time"], part["ratio"])
                axes.plot(*at, "o", markersize=4, color=colour, markerfacecolor=face)
        axes.axhline(1, **REFERENCE)
        dataset, _, model, passes = key
        axes.set_title(f"{shown(dataset)}, {shown(model)}, passes: {passes}", fontsize=11)
        axes.set_xlabel(TIME_LABEL)
        axes.set_ylim(0, 1.1 * max(1.5, points["ratio"].max()))
        time_axis(axes, group["time"].max())
    for line in panels:
        line[0].set_ylabel("SW₂ to a reference run / floor")
    handles = entropy_handles(colours)
    open_marker: dict[str, Any] = {"marker": "o", "markerfacecolor": "white"}
    handles.append(Line2D([], [], color="0.3", label="not learned from", **open_marker))
    add_legend(figure, [*handles, ANOTHER_RUN])
    return figure
