"""Numeric figures, made from metrics.csv alone."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.settings import PARTICLES, TEST_SET
from swflow.tables import FLOW, fidelity_table, memorisation_table, regularisation_table

PALETTE = "colorblind"
CURVES = {"sw_train": "training rows", "sw_heldout": "held-out rows"}
REGULARISATION = {
    "ratio": "SW₂ to test rows / floor",
    "coverage": "coverage",
    "memorisation_a": "A: nearer to training rows\nthan held-out rows are",
    "memorisation_s": "S: nearer to training rows\nthan to as many held-out rows",
}
N_COLUMNS = 3
# Inches that an entry of a legend takes.
ENTRY_WIDTH = 1.5
MODEL_STYLES: list[Any] = ["-", ":", "-.", (0, (5, 1, 1, 1, 1, 1))]
TIME_LABEL = "flow time τ"


def convergence_figure(metrics: pd.DataFrame) -> Figure:
    """SW of the flow to training and held-out rows over time; dashed: of draws from the former."""
    found = metrics[metrics["metric"].isin(CURVES)]
    if found.empty:
        raise InputError("metrics.csv holds no distance of a flow to its data; score particles.")
    groups = list(found.groupby(["dataset", "teacher", "entropy"]))
    figure, panels = _panels(len(groups), N_COLUMNS, (4.2, 3), (0, 0))
    for axes, (key, group) in zip(panels.flat, groups, strict=False):
        dataset, teacher, entropy = key
        shown = group.replace({"metric": CURVES}).rename(columns={"metric": "distance to"})
        sns.lineplot(
            shown,
            **{"x": "time", "y": "value", "hue": "distance to", "hue_order": CURVES.values()},
            **{"palette": PALETTE, "marker": "o", "errorbar": "sd", "ax": axes},
            legend=axes is panels.flat[0],
        )
        floors = [group.loc[group["metric"] == metric, "floor"].mean() for metric in CURVES]
        for floor, colour in zip(floors, sns.color_palette(PALETTE), strict=False):
            axes.axhline(floor, color=colour, linestyle="--", linewidth=1)
        axes.annotate("draws from training rows", (0.02, max(floors)), (0, 3), **_BESIDE_LINE)
        axes.set(yscale="log", xlabel=TIME_LABEL, ylabel="SW₂ (model units)")
        axes.set_title(f"{dataset}, {teacher}, ε = {entropy:g}", fontsize=11)
        _plain_log_axis(axes, min(group["value"].min(), *floors), group["value"].max())
        _time_axis(axes, group["time"].max())
    sns.despine(figure)
    return figure


def fidelity_figure(metrics: pd.DataFrame) -> Figure:
    """SW to a reference run over the floor, at each time, with 95 % intervals.

    A line of panels for each flow, a panel for each of its entropies.
    """
    table = fidelity_table(metrics)
    if table.empty:
        raise InputError("metrics.csv holds no model beside the flow; add one to an experiment.")
    table = table.assign(line=_named_passes(table))
    names = sorted(table["line"].unique())
    colours = dict(zip(names, sns.color_palette(PALETTE, len(names)), strict=True))
    flows = list(table.groupby(FLOW[:2]))
    columns = max(flow["entropy"].nunique() for _, flow in flows)
    figure, panels = _panels(len(flows) * columns, columns, (2.8, 2.5), (1, 0.6), sharey=True)
    for line, (key, flow) in zip(panels, flows, strict=True):
        for axes, (entropy, group) in zip(line, flow.groupby("entropy"), strict=False):
            _ratio_lines(axes, group, colours)
            axes.set_title(f"ε = {entropy:g}", fontsize=11)
            axes.set_yscale("log")
            _plain_log_axis(axes, min(0.7, table["ratio_low"].min()), table["ratio_high"].max())
        for axes in line[flow["entropy"].nunique() :]:
            axes.set_visible(False)
        line[0].set_ylabel(f"{', '.join(map(str, key))}\nSW₂ to a reference run / floor")
        line[0].annotate("draws of another run", (0.02, 1), (0, -11), **_BESIDE_LINE)
    _legend(figure, _handles(colours))
    return figure


def _ratio_lines(axes: Any, table: pd.DataFrame, colours: dict[Any, Any]) -> None:
    """The ratio over time of each model of one flow and entropy."""
    for name, line in table.groupby("line"):
        bounds = (line["ratio_low"], line["ratio_high"])
        axes.plot(line["time"], line["ratio"], marker="o", markersize=3, color=colours[name])
        axes.fill_between(line["time"], *bounds, color=colours[name], alpha=0.2, linewidth=0)
    axes.axhline(1, color="0.4", linestyle="--", linewidth=1)
    axes.set_xlabel(TIME_LABEL)
    _time_axis(axes, table["time"].max())


def regularisation_figure(metrics: pd.DataFrame) -> Figure:
    """SW over its floor, coverage and memorisation over ε, a line of panels for each flow."""
    table = regularisation_table(metrics)
    table = table[table["model"] != TEST_SET]
    flows = table.groupby(["dataset", "teacher"]).nunique()
    learned = flows[(flows["entropy"] > 1) & (flows["model"] > 1)]
    keys = [(str(dataset), str(teacher)) for dataset, teacher in learned.index]
    if not keys:
        raise InputError("metrics.csv holds no learned flow at two entropies; add one.")
    real = metrics[metrics["model"] == TEST_SET]
    null = real.groupby(["dataset", "metric"])["value"].mean().to_dict()
    figure, panels = plt.subplots(
        len(keys), 4, figsize=(15, 3.1 * len(keys) + 0.5), squeeze=False, layout="constrained"
    )
    shown = table.set_index(["dataset", "teacher"]).loc[keys]
    names = sorted(_named_passes(shown).unique())
    colours = dict(zip(names, sns.color_palette(PALETTE, len(names)), strict=True))
    for line, (dataset, teacher) in zip(panels, keys, strict=True):
        own = table[(table["dataset"] == dataset) & (table["teacher"] == teacher)]
        own = own.assign(ratio=own["sw_test"] / own["floor"])
        for axes, (column, label) in zip(line, REGULARISATION.items(), strict=True):
            for name, part in own.groupby(_named_passes(own)):
                axes.plot(part["entropy"], part[column], "o-", color=colours[name], label=name)
                if f"{column}_low" in part:
                    bounds = (part[f"{column}_low"], part[f"{column}_high"])
                    axes.fill_between(
                        part["entropy"], *bounds, color=colours[name], alpha=0.2, linewidth=0
                    )
            ideal = 1.0 if column == "ratio" else null[dataset, column]
            axes.axhline(ideal, color="0.4", linestyle="--", linewidth=1)
            axes.set(xlabel="entropy ε", ylabel=label, title=f"{dataset}, {teacher}")
            _entropy_axis(axes, own["entropy"])
        line[0].set_yscale("log")
        _plain_log_axis(line[0], min(0.9, own["ratio"].min()), own["ratio"].max())
        line[1].set_ylim(0, 1.05)
        for axes in line[2:]:
            axes.set_ylim(0, 1)
    coverage = null[keys[0][0], "coverage"]
    panels[0][1].annotate("real rows", (0.03, coverage), (0, -11), **_BESIDE_LINE)
    _legend(figure, _handles(colours))
    return figure


def memorisation_figure(metrics: pd.DataFrame) -> Figure:
    """A and S over time, a line of panels for each flow; dashed: the flows themselves."""
    table = memorisation_table(metrics).dropna(subset=["time"])
    names = {name: REGULARISATION[name] for name in ("memorisation_a", "memorisation_s")}
    learned = table.groupby(FLOW[:2])["model"].transform("nunique") > 1
    table = table[learned]
    groups = list(table.groupby(FLOW[:2]))
    if not groups:
        raise InputError("metrics.csv holds no model beside the flow; add one to an experiment.")
    figure, panels = plt.subplots(
        len(groups), 2, figsize=(9, 3.1 * len(groups) + 0.6), squeeze=False, layout="constrained"
    )
    colours, styles = _entropy_colours(table["entropy"]), _model_styles(table)
    for line, ((dataset, teacher), own) in zip(panels, groups, strict=True):
        for axes, (column, label) in zip(line, names.items(), strict=True):
            _memorisation_lines(axes, own, "time", column, colours, styles)
            axes.set(xlabel=TIME_LABEL, ylabel=label, title=f"{dataset}, {teacher}")
            _time_axis(axes, own["time"].max())
    _entropy_and_model_legend(figure, colours, styles)
    return figure


def generalisation_figure(metrics: pd.DataFrame) -> Figure:
    """Coverage and memorisation at the end of the flow over the number of training rows.

    A colour for each entropy; dashed: the flows that models learned from.
    """
    table = regularisation_table(metrics)
    sizes = metrics[metrics["metric"] == "train_rows"].groupby("dataset")["value"].first()
    table = table[table["model"] != TEST_SET].assign(rows=table["dataset"].map(sizes))
    several = table.groupby("teacher")["rows"].transform("nunique") > 1
    table = table[several]
    groups = list(table.groupby("teacher"))
    if not groups:
        raise InputError("metrics.csv holds no flow on two sizes of a dataset; add one.")
    figure, panels = plt.subplots(
        len(groups), 3, figsize=(12.5, 3.4 * len(groups) + 0.6), squeeze=False, layout="constrained"
    )
    colours, styles = _entropy_colours(table["entropy"]), _model_styles(table)
    names = {name: label for name, label in REGULARISATION.items() if name != "ratio"}
    for line, (teacher, own) in zip(panels, groups, strict=True):
        for axes, (column, label) in zip(line, names.items(), strict=True):
            _memorisation_lines(axes, own, "rows", column, colours, styles)
            axes.set(xscale="log", xlabel="training rows", ylabel=label, title=teacher)
            ticks = sorted(own["rows"].unique())
            axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
    _entropy_and_model_legend(figure, colours, styles)
    return figure


def _memorisation_lines(
    axes: Any,
    table: pd.DataFrame,
    x: str,
    y: str,
    colours: dict[Any, Any],
    styles: dict[Any, Any],
) -> None:
    """A line for each row and entropy, with its interval where there is one."""
    for (model, _, entropy), part in table.sort_values(x).groupby(["model", "passes", "entropy"]):
        axes.plot(
            part[x], part[y], marker="o", markersize=3, color=colours[entropy], ls=styles[model]
        )
        if f"{y}_low" in part:
            bounds = (part[f"{y}_low"], part[f"{y}_high"])
            axes.fill_between(part[x], *bounds, color=colours[entropy], alpha=0.12, linewidth=0)
    if f"{y}_low" in table:
        axes.axhline(0.5, color="0.4", linestyle=":", linewidth=1)
        axes.annotate("fresh data", (0.02, 0.5), (0, 4), **_BESIDE_LINE)
    axes.set_ylim(0, 1.02)


def control_figure(metrics: pd.DataFrame) -> Figure:
    """Ratio to the floor at every entropy and time, learned from (filled) or not (open)."""
    table = fidelity_table(metrics)
    all_learned = table.groupby(["dataset", "teacher", "model"])["trained"].transform("all")
    shown = table[~all_learned]
    groups = list(shown.groupby(["dataset", "teacher", "model", "passes"]))
    if not groups:
        raise InputError("metrics.csv holds no time or entropy between those learned; add one.")
    columns = min(len(groups), N_COLUMNS - 1)
    figure, panels = _panels(len(groups), columns, (5, 3.2), (0, 0.6), sharey=True)
    colours = _entropy_colours(shown["entropy"])
    for axes, (key, group) in zip(panels.flat, groups, strict=False):
        for entropy, line in group.groupby("entropy"):
            colour = colours[entropy]
            axes.plot(line["time"], line["ratio"], color=colour, linewidth=1)
            for trained, part in line.groupby("trained"):
                face = colour if trained else "white"
                at = (part["time"], part["ratio"])
                axes.plot(*at, "o", markersize=4, color=colour, markerfacecolor=face)
        axes.axhline(1, color="0.4", linestyle="--", linewidth=1)
        axes.annotate("draws of another run", (0.02, 1), (0, -11), **_BESIDE_LINE)
        dataset, _, model, passes = key
        axes.set_title(f"{dataset}, {model}, passes: {passes}", fontsize=11)
        axes.set_xlabel(TIME_LABEL)
        axes.set_ylim(0, 1.1 * max(1.5, shown["ratio"].max()))
        _time_axis(axes, group["time"].max())
    for line in panels:
        line[0].set_ylabel("SW₂ to a reference run / floor")
    handles = _entropy_handles(colours)
    open_marker: dict[str, Any] = {"marker": "o", "markerfacecolor": "white"}
    handles.append(Line2D([], [], color="0.3", label="not learned from", **open_marker))
    _legend(figure, handles)
    return figure


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "convergence": convergence_figure,
    "fidelity": fidelity_figure,
    "regularisation": regularisation_figure,
    "memorisation": memorisation_figure,
    "generalisation": generalisation_figure,
    "control": control_figure,
}


def write_figure(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.svg, without dates inside."""
    for suffix, options in (("png", {"dpi": 150}), ("svg", {"metadata": {"Date": None}})):
        with atomic_path(stem.with_name(f"{stem.name}.{suffix}")) as partial:
            figure.savefig(partial, format=suffix, bbox_inches="tight", **options)
    plt.close(figure)


def _panels(
    n: int,
    columns: int,
    size: tuple[float, float],
    margin: tuple[float, float],
    sharey: bool = False,
) -> tuple[Figure, np.ndarray]:
    """A figure of n panels of this size, in inches, line by line, and its axes `(·, columns)`."""
    lines = -(-n // columns)
    figure, panels = plt.subplots(
        lines,
        columns,
        figsize=(size[0] * columns + margin[0], size[1] * lines + margin[1]),
        sharey=sharey,
        squeeze=False,
        layout="constrained",
    )
    for axes in panels.flat[n:]:
        axes.set_visible(False)
    return figure, panels


def _legend(figure: Figure, handles: list[Line2D]) -> None:
    """Above all panels, in lines no longer than the figure is wide."""
    columns = min(len(handles), int(figure.get_figwidth() / ENTRY_WIDTH))
    figure.legend(handles=handles, frameon=False, loc="outside upper center", ncols=columns)
    sns.despine(figure)


def _handles(colours: dict[str, Any]) -> list[Line2D]:
    """What a legend shows for lines of these names and colours."""
    return [
        Line2D([], [], color=colour, marker="o", label=name) for name, colour in colours.items()
    ]


def _entropy_colours(entropies: pd.Series) -> dict[Any, Any]:
    """From dark to light with the entropy."""
    found = sorted(entropies.dropna().unique())
    return dict(zip(found, sns.color_palette("viridis", len(found)), strict=True))


def _entropy_handles(colours: dict[Any, Any]) -> list[Line2D]:
    return _handles({f"ε = {entropy:g}": colour for entropy, colour in colours.items()})


def _model_styles(table: pd.DataFrame) -> dict[Any, Any]:
    """Dashed lines for the flow, solid ones and others for models."""
    models = sorted(set(table["model"]) - {PARTICLES})
    return {PARTICLES: "--"} | dict(zip(models, itertools.cycle(MODEL_STYLES), strict=False))


def _entropy_and_model_legend(
    figure: Figure, colours: dict[Any, Any], styles: dict[Any, Any]
) -> None:
    """Colours are entropies, kinds of lines are models."""
    handles = _entropy_handles(colours)
    handles += [Line2D([], [], color="0.3", ls=style, label=name) for name, style in styles.items()]
    _legend(figure, handles)


def _named_passes(table: pd.DataFrame) -> pd.Series:
    """Models by name, with the number of passes where it is not 1."""
    several = table["passes"].map(lambda k: f", {k:g} passes" if k > 1 else "")
    return table["model"] + several


def _entropy_axis(axes: Any, entropies: pd.Series) -> None:
    """Spread grows as √ε for small ε: so does the axis."""
    ticks = sorted(entropies.unique())
    axes.set_xscale("function", functions=(np.sqrt, np.square))
    axes.set_xlim(0, max(ticks) * 1.1)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])


def _time_axis(axes: Any, end: float) -> None:
    """Stored times are even in log(1 + τ): so is the axis."""
    axes.set_xscale("function", functions=(np.log1p, np.expm1))
    ticks = [t for t in (0, 1, 3, 10, 30, 100, 300, 1000, 3000) if t <= end]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.set_xlim(0, end * 1.05)


def _plain_log_axis(axes: Any, low: float, high: float) -> None:
    """Ticks at 1, 2 and 5 times powers of ten (over long ranges at 1 alone), as plain numbers."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    within = (1, 2, 5) if high < 1000 * low else (1,)
    ticks = [k * 10.0**d for d in decades for k in within]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low / 1.15, high * 1.15)


_BESIDE_LINE: dict[str, Any] = {
    "xycoords": ("axes fraction", "data"),
    "textcoords": "offset points",
    "fontsize": 8,
    "color": "0.3",
}
