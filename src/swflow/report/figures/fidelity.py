"""SW of each model to a reference run over the floor, over time."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from swflow.report.figures.common import (
    ANOTHER_RUN,
    REFERENCE,
    TIME_LABEL,
    add_legend,
    draw_line,
    groups_of,
    model_colours,
    model_handles,
    panel_grid,
    passes_styles,
    plain_log_axis,
    time_axis,
)
from swflow.report.names import shown
from swflow.report.tables import fidelity
from swflow.report.tables.common import FLOW
from swflow.runtime.errors import InputError

NEEDS = ("learned_flows",)
CAPTION = (
    "SW₂ of each model's draws to a run of the flow that it never saw, over that of draws of "
    "another, independent run: 1 (dashed) is a perfect sampler. Over time, a panel for each "
    "entropy; bars: bootstrap intervals."
)


def figure(metrics: pd.DataFrame) -> Figure:
    """SW to a reference run over the floor, at each time, with 95 % intervals.

    A line of panels for each flow, a panel for each of its entropies. Raises InputError where there
    is no model.
    """
    table = fidelity.table(metrics)
    if table.empty:
        raise InputError("metrics.csv holds no model beside the flow; add one to an experiment.")
    colours, styles = model_colours(metrics, table["model"]), passes_styles(table)
    flows = groups_of(table, FLOW[:2])
    columns = max(flow["entropy"].nunique() for _, flow in flows)
    figure, panels = panel_grid(len(flows) * columns, columns, (2.8, 2.5), (1, 0.6), sharey=True)
    for line, (key, flow) in zip(panels, flows, strict=True):
        for axes, (entropy, group) in zip(line, flow.groupby("entropy"), strict=False):
            _ratio_lines(axes, group, colours, styles)
            axes.set_title(f"ε = {entropy:g}", fontsize=11)
            axes.set_yscale("log")
            plain_log_axis(axes, min(0.7, table["ratio_low"].min()), table["ratio_high"].max())
        for axes in line[flow["entropy"].nunique() :]:
            axes.set_visible(False)
        # A line each: together they are longer than a panel is high.
        line[0].set_ylabel(
            f"{shown(key[0])}\nflow “{shown(key[1])}”\nSW₂ to a reference run / floor"
        )
    add_legend(figure, [*model_handles(colours, styles), ANOTHER_RUN])
    return figure


def _ratio_lines(
    axes: Any, table: pd.DataFrame, colours: dict[Any, Any], styles: dict[Any, Any]
) -> None:
    """The ratio over time of each model of one flow and entropy."""
    for (model, passes), line in table.groupby(["model", "passes"]):
        style = {"ls": styles.get(passes, "-"), "marker": "o", "markersize": 3}
        draw_line(axes, line["time"], line, "ratio", colours[model], style)
    axes.axhline(1, **REFERENCE)
    axes.set_xlabel(TIME_LABEL)
    time_axis(axes, table["time"].max())
