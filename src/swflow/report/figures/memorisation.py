"""A and S of models and their flows over time."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from swflow.report.figures.common import (
    REGULARISATION,
    TIME_LABEL,
    entropy_and_model_legend,
    entropy_colours,
    groups_of,
    model_styles,
    outermost,
    row_lines,
    share_axis,
    time_axis,
)
from swflow.report.names import titled
from swflow.report.tables import memorisation
from swflow.report.tables.common import FLOW
from swflow.runtime.errors import InputError

NEEDS = ("learned_flows",)
CAPTION = (
    "Whether samples copy training rows, over time. A: how often a sample is nearer to the "
    "training rows than a held-out row is (½ for fresh data, 1 for copies); S: how often it is "
    "nearer to some training rows than to as many held-out ones (½ for fresh data). Dashed: the "
    "flows themselves, at their smallest and largest entropy; bands: 95 % intervals."
)


def figure(metrics: pd.DataFrame) -> Figure:
    """A and S over time, a line of panels for each flow; dashed: the flows themselves.

    At the smallest and the largest entropy: all of them are in the figure over entropy.

    Raises InputError where there is no model beside a flow.
    """
    table = memorisation.table(metrics).dropna(subset=["time", "entropy"])
    names = {name: REGULARISATION[name] for name in ("memorisation_a", "memorisation_s")}
    table = outermost(table)
    table = table[table.groupby(FLOW[:2])["model"].transform("nunique") > 1]
    groups = groups_of(table, FLOW[:2])
    if not groups:
        raise InputError("metrics.csv holds no model beside the flow; add one to an experiment.")
    figure, panels = plt.subplots(
        len(groups), 2, figsize=(9, 3.1 * len(groups) + 0.6), squeeze=False, layout="constrained"
    )
    colours, styles = entropy_colours(metrics, table["entropy"]), model_styles(table)
    end = max(0.6, *(table[f"{name}_high"].max() for name in names))
    for line, ((dataset, teacher), own) in zip(panels, groups, strict=True):
        for axes, (column, label) in zip(line, names.items(), strict=True):
            row_lines(axes, own, "time", column, colours, styles)
            share_axis(axes, own, column, end)
            axes.set(xlabel=TIME_LABEL, ylabel=label)
            time_axis(axes, own["time"].max())
        line[0].set_title(titled(dataset, teacher), loc="left")
    entropy_and_model_legend(figure, colours, styles)
    return figure
