"""Repeatability of flows side by side, over time."""

import pandas as pd
from matplotlib.figure import Figure

from swflow.report.figures.common import (
    TIME_LABEL,
    add_legend,
    colours_of,
    line_handles,
    panel_grid,
    plain_log_axis,
    side_by_side,
    time_axis,
)
from swflow.report.names import shown
from swflow.report.tables import repeatability
from swflow.runtime.errors import InputError

NEEDS = ("several_flows",)
CAPTION = (
    "How far two runs of a flow carry the same source points apart, in percent of the variance, "
    "over flow time; of flows with a twin it is the twins that are compared. Means over seeds at "
    "the smallest entropy; bands: their standard deviation."
)


def figure(metrics: pd.DataFrame) -> Figure:
    """Panels for each dataset that has several flows, a line for each of them.

    Raises InputError where no dataset has several flows that were repeated.
    """
    groups = side_by_side(repeatability.table(metrics))
    if not groups:
        raise InputError("metrics.csv holds no two flows that were repeated; add one.")
    figure, panels = panel_grid(len(groups), min(3, len(groups)), (5, 3.6), (0.4, 1.1))
    every = pd.concat(own for _, own in groups)
    colours = colours_of(every["teacher"])
    for axes, (dataset, own) in zip(panels.flat, groups, strict=False):
        for teacher, path in own.sort_values("time").groupby("teacher"):
            colour, mean = colours[teacher], path["repeatability"]
            deviation = path["repeatability_std"].fillna(0)
            axes.plot(path["time"], mean, color=colour, marker="o", ms=4)
            bounds = (mean - deviation).clip(lower=mean / 10), mean + deviation
            axes.fill_between(path["time"], *bounds, color=colour, alpha=0.2, lw=0)
        axes.set(xlabel=TIME_LABEL, ylabel="apart, % of the variance", yscale="log")
        axes.set_title(shown(dataset))
        time_axis(axes, own["time"].max())
        levels = every.loc[every["dataset"] == dataset, "repeatability"]
        plain_log_axis(axes, levels.min(), levels.max())
    add_legend(figure, line_handles(colours))
    return figure
