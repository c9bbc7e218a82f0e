"""When flows and models begin to copy: copies over time, and first times over training rows."""

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from swflow.report.copying import COMPARED, QUARTER, drawn, first_times, fitted, series
from swflow.report.figures.common import (
    FRESH,
    PALETTE,
    TIME_LABEL,
    add_legend,
    draw_line,
    panel_grid,
    plain_ticks,
    time_axis,
)
from swflow.report.names import shown
from swflow.report.tables.common import half_interval
from swflow.runtime.errors import InputError
from swflow.settings import PARTICLES

NEEDS = ("sizes", "over_time")
CAPTION = (
    "When samples begin to copy. All but the last panel of a line: the copied fraction (0 for "
    "fresh rows, 1 for copies) over time, for each number of training rows, with 95 % intervals. "
    "Last panel: the first time of good samples (within 1.1 of the best distance to real rows) and "
    "the first at which the copied fraction is a quarter over the number of rows, a mark for each "
    "run of the flow (hollow: at the first stored time, or before), with the fitted power. At the "
    "smallest entropy; images are seen in pixels."
)
CALLED = {"tau_gen": "good samples", "tau_quarter": "a quarter copied"}


def figure(metrics: pd.DataFrame) -> Figure:
    """Copied fractions over time by size, then first times over sizes, a line for each flow.

    Raises InputError where no flow runs on two sizes with distances over time.
    """
    points = drawn(series(metrics))
    times = first_times(points)
    if not len(times):
        raise InputError("metrics.csv holds no flow on two sizes of a dataset; add one.")
    points, times = (of[of["entropy"] == of["entropy"].min()] for of in (points, times))
    models = sorted(points["model"].unique(), key=lambda model: (model != PARTICLES, model))
    teachers = sorted(points["teacher"].unique())
    columns = len(models) + 1
    figure, panels = panel_grid(len(teachers) * columns, columns, (3.8, 3.1), (0.4, 0.9))
    sizes = sorted(points["rows"].unique())
    colours = dict(zip(sizes, sns.color_palette("viridis", len(sizes)), strict=True))
    for (*copies, last), teacher in zip(panels, teachers, strict=True):
        own = points[points["teacher"] == teacher]
        used = []
        for axes, model in zip(copies, models, strict=True):
            if model not in own["model"].to_list():  # no network learned this flow
                axes.remove()
                continue
            _copies(axes, own[own["model"] == model], colours)
            axes.set_title(f"{shown(teacher)}: {shown(model)}")
            used.append(axes)
        limits = [axes.get_ylim() for axes in used]
        for axes in used:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        of_flow = (times["teacher"] == teacher) & (times["model"] == PARTICLES)
        _first_times(last, times[of_flow])
    handles = [
        Line2D([], [], color=colour, label=f"{size:,.0f} rows") for size, colour in colours.items()
    ]
    add_legend(figure, handles)
    return figure


def _copies(axes: Any, points: pd.DataFrame, colours: dict[Any, Any]) -> None:
    """The copied fraction over time, a line for each size."""
    for rows, own in points.groupby("rows"):
        over_time = own.groupby("time")
        means = over_time[["copied"]].mean().reset_index()
        half = over_time["copied_error"].agg(half_interval).to_numpy()
        means = means.assign(copied_low=means["copied"] - half, copied_high=means["copied"] + half)
        draw_line(axes, means["time"], means, "copied", colours[rows], {"marker": "o", "ms": 3})
    axes.axhline(QUARTER, **FRESH)
    axes.set(xlabel=TIME_LABEL, ylabel="copied fraction")
    time_axis(axes, points["time"].max())


def _first_times(axes: Any, times: pd.DataFrame) -> None:
    """First times of a flow over sizes, with their powers."""
    palette = dict(zip(COMPARED, sns.color_palette(PALETTE), strict=False))
    for of, colour in palette.items():
        fit = fitted(times, of)
        label = CALLED[of] + (f": n^{fit.power:.2f}" if fit else "")
        marks = {"color": colour, "marker": "o", "ls": "", "ms": 5}
        at_once = times[of] == times["from"]
        axes.plot(times["rows"], times[of].mask(at_once), label=label, **marks)
        axes.plot(times["rows"], times[of].where(at_once), fillstyle="none", **marks)
    ticks = sorted(times["rows"].unique())
    axes.set(xscale="log", yscale="log", xlabel="training rows n", ylabel=TIME_LABEL)
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    low, high = times[list(COMPARED)].min().min(), times[list(COMPARED)].max().max()
    plain_ticks(axes.yaxis, low, high)
    axes.minorticks_off()
    axes.set_ylim(low / 1.5, 1.5 * high * (high / low) ** 0.35)  # the legend above all marks
    axes.legend(frameon=False, loc="upper left")
