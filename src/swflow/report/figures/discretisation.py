"""Errors of flows over directions, particles and steps."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from swflow.report.figures.common import (
    REFERENCE,
    colours_of,
    groups_of,
    panel_grid,
    plain_ticks,
)
from swflow.report.names import shown
from swflow.report.powers import power
from swflow.report.refinement import ERRORS, errors
from swflow.runtime.errors import InputError

NEEDS = ("refined",)
CAPTION = (
    "Errors of flows at their end over the number of directions, particles, rows of a step or "
    "dimensions, or over the step: means over seeds with their deviations, and the power of the "
    "fit in logarithms. Dashed: what sampling alone leaves, where that is known."
)
AXES = {
    "directions": "directions of a step",
    "n_particles": "particles",
    "target_batch": "rows of a step",
    "dim": "dimensions",
    "step": "step in τ",
}
LEAST_RANGE = 4  # of an axis of errors: what hardly changes looks so
KINDS = ("directions", "step")  # of which there are several


def figure(metrics: pd.DataFrame) -> Figure:
    """Errors over what was refined, a panel for each dataset, error and refined quantity.

    Raises InputError where no three flows differ in one number alone.
    """
    found = errors(metrics)
    if not len(found):
        raise InputError("metrics.csv holds no three flows that differ in one number; add some.")
    first = found["refined"].str.split("_").str[0]
    quantity = found["refined"].where(~first.isin(KINDS), first)
    found = found.assign(quantity=quantity, line=_lines(found, quantity))
    groups = groups_of(found, ["dataset", "quantity", "measure"])
    figure, panels = panel_grid(len(groups), 3, (3.7, 3.2), (0.3, 0.3))
    words = {of.name: of.words for of in ERRORS.values()}
    for axes, ((dataset, quantity, measure), own) in zip(panels.flat, groups, strict=False):
        for line, colour in colours_of(own["line"]).items():
            _draw(axes, own[own["line"] == line], line, colour)
        datasets = [shown(name) for name in dataset.split(" to ")]
        axes.set_title(" to ".join(datasets), fontsize=11 if len(datasets) == 1 else 8)
        axes.set(xlabel=AXES[str(quantity)], ylabel=words[str(measure)])
        axes.set(xscale="log", yscale="log")
        low, high = own["error"].min(), own["error"].max()
        low, high = min(low, high / LEAST_RANGE), max(high, low * LEAST_RANGE)
        plain_ticks(axes.xaxis, own["refined_to"].min(), own["refined_to"].max())
        plain_ticks(axes.yaxis, low, high)
        axes.set_xlim(own["refined_to"].min() / 1.2, own["refined_to"].max() * 1.2)
        axes.set_ylim(low / 1.6, high * (high / low) ** 0.5 * 1.6)
        axes.legend(frameon=False, loc="upper right", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _lines(found: pd.DataFrame, quantity: pd.Series) -> pd.Series:
    """What a legend says of each family: the kind of what is refined, what else, the entropy."""
    own = found["refined"].str.removeprefix("directions_").str.removeprefix("step_")
    own = own.where(quantity.isin(KINDS), "")
    words = (own + ", " + found["others"]).str.strip(", ").str.replace("_", " ")
    return words + found["entropy"].map(lambda e: f", ε = {e:g}" if e else "")


def _draw(axes: Any, own: pd.DataFrame, line: str, colour: Any) -> None:
    """One family's errors, with the fitted power in its label."""
    fit = power(own["refined_to"], own["error"])
    label = line + (f": power {fit.power:.2f}" if fit else "")
    means = own.groupby("refined_to")[["error", "floor"]].agg(["mean", "std"])
    error = means["error"]
    axes.errorbar(error.index, error["mean"], error["std"], color=colour, marker="o", label=label)
    if means["floor"]["mean"].notna().all():
        axes.plot(means.index, means["floor"]["mean"], **REFERENCE)
