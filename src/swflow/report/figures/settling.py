"""Three distances of flows to real rows over time."""

import pandas as pd
from matplotlib.figure import Figure

from swflow.report.figures.common import (
    FRESH,
    MOST_LINES,
    TIME_LABEL,
    add_legend,
    colours_of,
    groups_of,
    line_handles,
    panel_grid,
    plain_log_axis,
    time_axis,
)
from swflow.report.names import shown
from swflow.report.settling import DISTANCES, series
from swflow.runtime.errors import InputError

NEEDS = ("over_time",)
CAPTION = (
    "How flows come near to real rows that nothing was fitted to: SW₂ and energy distance over "
    "those of other real rows, and how often a classifier tells samples from real rows, over time, "
    "at the smallest entropy, a line of panels for each dataset; means over seeds. Dotted: what "
    "other real rows score."
)


def figure(metrics: pd.DataFrame) -> Figure:
    """A line of panels for each dataset, a panel for each distance, a line for each flow.

    Of a dataset at most MOST_LINES flows, the first by name. Raises InputError where no flow was
    scored over time.
    """
    found = series(metrics)
    found = found[
        found["entropy"] == found.groupby(["dataset", "teacher"])["entropy"].transform("min")
    ]
    if found.empty:
        raise InputError("metrics.csv holds no distance to real rows at several times; score some.")
    groups = groups_of(found, ["dataset"])
    figure, panels = panel_grid(
        len(DISTANCES) * len(groups), len(DISTANCES), (3.8, 3.0), (0.2, 0.6)
    )
    chosen = [(key[0], own[own["teacher"].isin(_first(own["teacher"]))]) for key, own in groups]
    colours = colours_of(pd.concat(own["teacher"] for _, own in chosen))
    for line, (dataset, own) in zip(panels, chosen, strict=True):
        for axes, of in zip(line, DISTANCES.values(), strict=True):
            values = own[own["distance"] == of.name]
            for teacher, path in values.groupby("teacher"):
                means = path.groupby("time")["value"].mean()
                axes.plot(means.index, means, color=colours[teacher], marker="o", ms=4)
            axes.axhline(0.5 if of.told else 1.0, **FRESH)
            axes.set(xlabel=TIME_LABEL, ylabel=of.words)
            time_axis(axes, values["time"].max())
            if of.told:
                axes.set_ylim(0.45, 1.02)
            else:
                axes.set_yscale("log")
                plain_log_axis(axes, min(1.0, values["value"].min()), values["value"].max())
        line[0].set_title(shown(dataset), loc="left")
    add_legend(figure, line_handles(colours))
    return figure


def _first(teachers: pd.Series) -> list[str]:
    return sorted(teachers.unique())[:MOST_LINES]
