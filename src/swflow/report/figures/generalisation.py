"""Coverage and memorisation over the number of training rows."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from swflow.report.figures.common import (
    REGULARISATION,
    entropy_and_model_legend,
    entropy_colours,
    model_styles,
    row_lines,
    share_axis,
)
from swflow.report.names import shown
from swflow.report.tables import regularisation
from swflow.runtime.errors import InputError

NEEDS = ("sizes",)
CAPTION = (
    "What the number of training rows and the entropy do at the end of the flow: coverage of "
    "real rows, and how much nearer samples are to training rows than fresh data would "
    "be (½; copies have A = 1). Dashed: the flows themselves; bands: 95 % intervals."
)


def figure(metrics: pd.DataFrame) -> Figure:
    """Coverage and memorisation at the end of the flow over the number of training rows.

    A colour for each entropy; dashed: the flows that models learned from. Raises InputError where
    no flow runs on two sizes.
    """
    table = regularisation.table(metrics)
    sizes = metrics[metrics["metric"] == "train_rows"].groupby("dataset")["value"].first()
    table = table.dropna(subset=["entropy"]).assign(rows=lambda t: t["dataset"].map(sizes))
    several = table.groupby("teacher")["rows"].transform("nunique") > 1
    table = table[several]
    groups = list(table.groupby("teacher"))
    if not groups:
        raise InputError("metrics.csv holds no flow on two sizes of a dataset; add one.")
    figure, panels = plt.subplots(
        len(groups), 3, figsize=(12.5, 3.4 * len(groups) + 0.6), squeeze=False, layout="constrained"
    )
    colours, styles = entropy_colours(metrics, table["entropy"]), model_styles(table)
    names = {name: label for name, label in REGULARISATION.items() if name != "ratio"}
    for line, (teacher, own) in zip(panels, groups, strict=True):
        for axes, (column, label) in zip(line, names.items(), strict=True):
            row_lines(axes, own, "rows", column, colours, styles)
            share_axis(axes, own, column)
            axes.set(
                xscale="log", xlabel="training rows", ylabel=label, title=f"flow “{shown(teacher)}”"
            )
            ticks = sorted(own["rows"].unique())
            axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
    entropy_and_model_legend(figure, colours, styles)
    return figure
