"""Distance to real rows over the seconds that 1,000 samples take."""

import itertools
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from swflow.report.figures.common import (
    MARKERS,
    N_COLUMNS,
    REAL_ROWS,
    REFERENCE,
    add_legend,
    model_colours,
    panel_grid,
    plain_log_axis,
)
from swflow.report.methods import methods_table
from swflow.report.names import shown
from swflow.runtime.errors import InputError
from swflow.settings import PARTICLES, TEST_SET

NEEDS = ("models",)
CAPTION = (
    "SW₂ of samples to real rows that nothing was fitted to over that of as many other real rows "
    "(dashed line), "
    "over the seconds that 1,000 samples take on this machine, mean ± standard deviation over "
    "seeds. Down and to the left is better. Each method at its smallest entropy, which is "
    "named where it is not 0. k passes of one network are joined by a line."
)
BESIDE_POINT: dict[str, Any] = {
    "textcoords": "offset points",
    "fontsize": 8,
    "color": "0.3",
    "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
    "zorder": 1,
}


def figure(metrics: pd.DataFrame) -> Figure:
    """Distance to real rows, over its floor, over the seconds that 1,000 samples take.

    Of each method at its smallest entropy, a line over k passes. Of datasets that something was
    learned of, but not those where only the map matters. Raises InputError where there is none.
    """
    table = methods_table(metrics).dropna(subset=["seconds_per_1000"])
    real = metrics[(metrics["model"] == TEST_SET) & (metrics["metric"] == "sw_test")]
    floors = real.groupby("dataset")["value"].mean()
    table = table[table["dataset"].isin(floors.index)]
    if table.empty:
        raise InputError("metrics.csv holds no samples beside their cost; add an experiment.")
    table["ratio"] = table["sw_test"] / table["dataset"].map(floors)
    table["error"] = table["sw_test_std"] / table["dataset"].map(floors)
    table["method"] = _names(table)
    # Colour and mark together tell more methods apart than safe colours there are.
    methods = sorted(table["method"].unique())
    model = table.groupby("method")["model"].first()
    of_models = model_colours(metrics, table["model"])
    colours = {name: of_models[model[name]] for name in methods}
    marks = dict(zip(methods, itertools.cycle(MARKERS), strict=False))
    groups = list(table.groupby("dataset"))
    figure, panels = panel_grid(len(groups), min(len(groups), N_COLUMNS), (4.6, 3.6), (0, 1), True)
    for axes, (dataset, group) in zip(panels.flat, groups, strict=False):
        for (name, _), part in group.sort_values("passes").groupby(["method", "teacher"]):
            style = {"color": colours[name], "marker": marks[name], "markersize": 7}
            at = part["seconds_per_1000"], part["ratio"]
            axes.errorbar(*at, yerr=part["error"], linewidth=1, capsize=2, **style)
            for _, row in part.iloc[[0, -1]].drop_duplicates().iterrows():
                notes = [f"ε = {row['entropy']:g}"] if row["entropy"] > 0 else []
                notes += [f"k = {row['passes']:g}"] if len(part) > 1 else []
                spot = row["seconds_per_1000"], row["ratio"]
                axes.annotate(", ".join(notes), spot, (7, 4), **BESIDE_POINT)
        axes.axhline(1, **REFERENCE)
        axes.set(
            xscale="log", yscale="log", title=shown(dataset), xlabel="seconds per 1,000 samples"
        )
        low, high = table["seconds_per_1000"].min(), table["seconds_per_1000"].max()
        axes.set_xlim(low / 2, high * 4)
        error = table["error"].fillna(0)
        lowest, highest = table["ratio"] - error, table["ratio"] + error
        plain_log_axis(axes, max(0.5, min(0.8, lowest.min())), highest.max())
    for line in panels:
        line[0].set_ylabel("SW₂ to real rows / floor")
    handles = [
        Line2D([], [], color=colours[name], marker=marks[name], linestyle="", label=name)
        for name in colours
    ]
    add_legend(figure, [*handles, REAL_ROWS])
    return figure


def _names(table: pd.DataFrame) -> pd.Series:
    """A flow by its own name, others by the model's."""
    is_flow = table["model"] == PARTICLES
    flows = "the flow “" + table["teacher"].map(shown) + "”"
    return table["model"].map(shown).mask(is_flow, flows)
