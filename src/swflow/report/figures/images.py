"""Images over time: distance to real ones, and how near they come to copies."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from swflow.metrics.names import DECODED, TRAINING
from swflow.report.figures.common import (
    FRESH,
    TIME_LABEL,
    add_legend,
    entropy_and_model_handles,
    entropy_colours,
    groups_of,
    model_styles,
    outermost,
    plain_log_axis,
    row_lines,
    time_axis,
)
from swflow.report.names import titled
from swflow.report.tables import images
from swflow.runtime.errors import InputError

NEEDS = ("images",)
CAPTION = (
    "Left: Fréchet distance of images to real ones, in the features of a classifier that trained "
    "nothing else, as a multiple of the distance of other real images (1: perfect). Right: the "
    "part of copies of training images that would be as near to them (0: fresh images, 1: "
    "copies), with 95 % intervals at the smallest entropy. Dashed: the flows, at their smallest "
    "and largest entropy; other lines: what learned them. Dotted: what encoder and decoder alone "
    "make of real images, and of training images."
)
PANELS = {
    "ratio": "distance to real images / floor",
    "feature_copied": "copied fraction, in features",
    "pixel_copied": "copied fraction, in pixels",
}
LINES = (images.REAL[DECODED], images.REAL[DECODED + TRAINING])


def figure(metrics: pd.DataFrame) -> Figure:
    """Ratio and copied fractions over time, a line of panels for each flow.

    Raises InputError where no image was scored over time.
    """
    table = images.table(metrics)
    real = table[table["time"].isna() & table["model"].isin(LINES)]
    table = table[~table["model"].str.endswith(images.EVENLY)]
    table = table.dropna(subset=["time", "entropy"])
    table = outermost(table)
    groups = groups_of(table, ["dataset", "teacher"])
    if not groups:
        raise InputError("metrics.csv holds no images of a flow; add an experiment with images.")
    figure, panels = plt.subplots(
        len(groups),
        len(PANELS),
        figsize=(3.6 * len(PANELS), 3.2 * len(groups) + 0.8),
        squeeze=False,
        layout="constrained",
    )
    colours, styles = entropy_colours(metrics, table["entropy"]), model_styles(table)
    for line, ((dataset, teacher), own) in zip(panels, groups, strict=True):
        for axes, (column, label) in zip(line, PANELS.items(), strict=True):
            row_lines(axes, own, "time", column, colours, styles, own["entropy"].min())
            axes.set(xlabel=TIME_LABEL, ylabel=label)
            time_axis(axes, own["time"].max())
        levels = real.loc[real["dataset"] == dataset, "ratio"]
        for level in levels:
            line[0].axhline(level, **FRESH)
        shown = pd.concat([own["ratio"], levels])
        line[0].axhline(1, color="0.4", linewidth=1)
        line[0].set_yscale("log")
        plain_log_axis(line[0], 0.9, shown.max())
        for axes in line[1:]:
            axes.axhline(0, **FRESH)
        line[0].set_title(titled(dataset, teacher), loc="left")
    add_legend(figure, entropy_and_model_handles(colours, styles))
    return figure
