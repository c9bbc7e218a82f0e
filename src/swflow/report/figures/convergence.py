"""SW of the flow to training and held-out rows over time and steps."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from swflow.report.figures.common import (
    FRESH,
    N_COLUMNS,
    TIME_LABEL,
    add_legend,
    entropy_colours,
    entropy_handles,
    groups_of,
    outermost,
    panel_grid,
    plain_log_axis,
    time_axis,
)
from swflow.report.names import titled
from swflow.runtime.errors import InputError

NEEDS = ()
CAPTION = (
    "SW₂ of the particles to training rows (solid) and held-out rows (dashed) over time, at the "
    "smallest and the largest entropy, with the number of steps above; bands: standard deviation "
    "over seeds. Dotted: of as many draws from the training rows to each."
)
CURVES = {"sw_train": "training rows", "sw_heldout": "held-out rows"}


def figure(metrics: pd.DataFrame) -> Figure:
    """SW of the flow to training and held-out rows over time and steps, a panel for each flow.

    Dotted: of as many draws from the training rows to each. Raises InputError where no flow was
    scored.
    """
    found = metrics[metrics["metric"].isin(CURVES)]
    if found.empty:
        raise InputError("metrics.csv holds no distance of a flow to its data; score particles.")
    found = outermost(found)
    groups = groups_of(found, ["dataset", "teacher"])
    colours = entropy_colours(metrics, found["entropy"])
    lines: dict[Any, Any] = {"sw_train": "-", "sw_heldout": "--"}
    figure, panels = panel_grid(len(groups), min(len(groups), N_COLUMNS), (4.2, 3.3), (0, 0.8))
    for axes, (key, group) in zip(panels.flat, groups, strict=False):
        for (entropy, metric), curve in group.groupby(["entropy", "metric"]):
            seeds = curve.groupby("time")["value"].agg(["mean", "std"]).fillna(0)
            style = {"color": colours[entropy], "linestyle": lines[metric]}
            axes.plot(seeds.index, seeds["mean"], marker="o", markersize=3, **style)
            bounds = (seeds["mean"] - seeds["std"], seeds["mean"] + seeds["std"])
            axes.fill_between(seeds.index, *bounds, color=colours[entropy], alpha=0.2, lw=0)
        floors = group.groupby("metric")["floor"].mean()
        for floor in floors:
            axes.axhline(floor, **FRESH)
        axes.set(yscale="log", xlabel=TIME_LABEL, ylabel="SW₂ (model units)")
        axes.set_title(titled(*key), fontsize=11)
        plain_log_axis(axes, min(group["value"].min(), floors.min()), group["value"].max())
        time_axis(axes, group["time"].max())
        _step_axis(axes, metrics, key)
    handles = entropy_handles(colours)
    for metric, name in CURVES.items():
        handles.append(Line2D([], [], color="0.3", ls=lines[metric], label=f"to {name}"))
    add_legend(figure, [*handles, Line2D([], [], **FRESH, label="draws from training rows")])
    return figure


def _step_axis(axes: Any, metrics: pd.DataFrame, key: tuple[Any, ...]) -> None:
    """Above a panel, the number of steps up to each time."""
    own = metrics[(metrics["metric"] == "steps") & (metrics["dataset"] == key[0])]
    counted = own[own["teacher"] == key[1]].groupby("time")["value"].max()
    if counted.empty:
        return
    last = len(counted) - 1
    marks = counted.iloc[sorted({0, last // 3, 2 * last // 3, last})]
    # A secondary axis would be linear, whatever the scale below.
    above = axes.twiny()
    time_axis(above, counted.index.max())
    above.set_xlim(axes.get_xlim())
    above.set_xticks(marks.index, [f"{steps:.0f}" for steps in marks], fontsize=8)
    above.set_xlabel("steps", fontsize=8)
