"""Flows to the same images side by side: distances to real ones, and sharpness, over time."""

import pandas as pd
from matplotlib.figure import Figure

from swflow.report.figures.common import (
    REAL_ROWS,
    REFERENCE,
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
from swflow.report.tables import images
from swflow.runtime.errors import InputError
from swflow.settings import PARTICLES

NEEDS = ("images", "several_flows")
CAPTION = (
    "Flows to the same images, over time: Fréchet distance to real images in the features of a "
    "classifier that trained nothing else, and in pixels, and the power of fine detail over that "
    "of real images; means over seeds at the smallest entropy. Dashed: other real images."
)
PANELS = {
    "ratio": "distance in features / floor",
    "pixel_frechet": "Fréchet distance in pixels",
    "sharpness": "power of fine detail / real",
}


def figure(metrics: pd.DataFrame) -> Figure:
    """A line for each flow: distances and sharpness over time, lines of panels for each dataset.

    Raises InputError where no dataset of images has several flows.
    """
    table = images.table(metrics)
    real = table[table["model"] == images.REAL[""]].set_index("dataset")
    groups = side_by_side(table[table["model"] == PARTICLES])
    if not groups:
        raise InputError("metrics.csv holds no two flows to the same images; add one.")
    figure, panels = panel_grid(len(PANELS) * len(groups), len(PANELS), (3.8, 3.2), (0.2, 0.9))
    every = pd.concat(own for _, own in groups)
    colours = colours_of(every["teacher"])
    for line, (dataset, own) in zip(panels, groups, strict=True):
        for axes, (column, label) in zip(line, PANELS.items(), strict=True):
            for teacher, path in own.sort_values("time").groupby("teacher"):
                axes.plot(path["time"], path[column], color=colours[teacher], marker="o", ms=4)
            level = float(real[column][dataset])
            axes.axhline(level, **REFERENCE)
            axes.set(xlabel=TIME_LABEL, ylabel=label, yscale="log")
            time_axis(axes, own["time"].max())
            levels = [level, *every.loc[every["dataset"] == dataset, column]]
            plain_log_axis(axes, min(levels), max(levels))
        line[0].set_title(shown(dataset), loc="left")
    add_legend(figure, [*line_handles(colours), REAL_ROWS])
    return figure
