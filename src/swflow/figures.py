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
from matplotlib.ticker import MaxNLocator, NullLocator

from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.settings import PARTICLES, TEST_SET
from swflow.tables import (
    FLOW,
    fidelity_table,
    memorisation_table,
    quality_and_cost,
    regularisation_table,
)

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
LINE_STYLES: list[Any] = ["-", ":", "-.", (0, (5, 1, 1, 1, 1, 1))]
MARKERS = "osD^vP*X<>h"  # one more than colours: no pair comes twice
TIME_LABEL = "flow time τ"
# Lines at what a perfect model scores.
_REFERENCE: dict[str, Any] = {"color": "0.4", "linestyle": "--", "linewidth": 1}
_ANOTHER_RUN = Line2D([], [], **_REFERENCE, label="draws of another run")
_REAL_ROWS = Line2D([], [], **_REFERENCE, label="held-out real rows")
# And lines at what is not perfect but fresh, where dashes mean something else.
_FRESH: dict[str, Any] = {"color": "0.4", "linestyle": ":", "linewidth": 1}


def convergence_figure(metrics: pd.DataFrame) -> Figure:
    """SW of the flow to training and held-out rows over time and steps, a panel for each flow.

    Dotted: of as many draws from the training rows to each.
    """
    found = metrics[metrics["metric"].isin(CURVES)]
    if found.empty:
        raise InputError("metrics.csv holds no distance of a flow to its data; score particles.")
    groups = list(found.groupby(["dataset", "teacher"]))
    colours = _entropy_colours(found["entropy"])
    lines: dict[Any, Any] = {"sw_train": "-", "sw_heldout": "--"}
    figure, panels = _panels(len(groups), min(len(groups), N_COLUMNS), (4.2, 3.3), (0, 0.8))
    for axes, (key, group) in zip(panels.flat, groups, strict=False):
        for (entropy, metric), curve in group.groupby(["entropy", "metric"]):
            seeds = curve.groupby("time")["value"].agg(["mean", "std"]).fillna(0)
            style = {"color": colours[entropy], "linestyle": lines[metric]}
            axes.plot(seeds.index, seeds["mean"], marker="o", markersize=3, **style)
            bounds = (seeds["mean"] - seeds["std"], seeds["mean"] + seeds["std"])
            axes.fill_between(seeds.index, *bounds, color=colours[entropy], alpha=0.2, lw=0)
        floors = group.groupby("metric")["floor"].mean()
        for floor in floors:
            axes.axhline(floor, **_FRESH)
        axes.set(yscale="log", xlabel=TIME_LABEL, ylabel="SW₂ (model units)")
        axes.set_title(", ".join(map(str, key)), fontsize=11)
        _plain_log_axis(axes, min(group["value"].min(), floors.min()), group["value"].max())
        _time_axis(axes, group["time"].max())
        _step_axis(axes, metrics, key)
    handles = _entropy_handles(colours)
    for metric, name in CURVES.items():
        handles.append(Line2D([], [], color="0.3", ls=lines[metric], label=f"to {name}"))
    _legend(figure, [*handles, Line2D([], [], **_FRESH, label="draws from training rows")])
    return figure


def fidelity_figure(metrics: pd.DataFrame) -> Figure:
    """SW to a reference run over the floor, at each time, with 95 % intervals.

    A line of panels for each flow, a panel for each of its entropies.
    """
    table = fidelity_table(metrics)
    if table.empty:
        raise InputError("metrics.csv holds no model beside the flow; add one to an experiment.")
    colours, styles = _colours(table["model"]), _passes_styles(table)
    flows = list(table.groupby(FLOW[:2]))
    columns = max(flow["entropy"].nunique() for _, flow in flows)
    figure, panels = _panels(len(flows) * columns, columns, (2.8, 2.5), (1, 0.6), sharey=True)
    for line, (key, flow) in zip(panels, flows, strict=True):
        for axes, (entropy, group) in zip(line, flow.groupby("entropy"), strict=False):
            _ratio_lines(axes, group, colours, styles)
            axes.set_title(f"ε = {entropy:g}", fontsize=11)
            axes.set_yscale("log")
            _plain_log_axis(axes, min(0.7, table["ratio_low"].min()), table["ratio_high"].max())
        for axes in line[flow["entropy"].nunique() :]:
            axes.set_visible(False)
        line[0].set_ylabel(f"{', '.join(map(str, key))}\nSW₂ to a reference run / floor")
    _legend(figure, [*_model_handles(colours, styles), _ANOTHER_RUN])
    return figure


def _ratio_lines(
    axes: Any, table: pd.DataFrame, colours: dict[Any, Any], styles: dict[Any, Any]
) -> None:
    """The ratio over time of each model of one flow and entropy."""
    for (model, passes), line in table.groupby(["model", "passes"]):
        style = {"ls": styles.get(passes, "-"), "marker": "o", "markersize": 3}
        _line(axes, line["time"], line, "ratio", colours[model], style)
    axes.axhline(1, **_REFERENCE)
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
    colours, styles = _colours(shown["model"]), _passes_styles(shown)
    for line, (dataset, teacher) in zip(panels, keys, strict=True):
        own = table[(table["dataset"] == dataset) & (table["teacher"] == teacher)]
        own = own.assign(ratio=own["sw_test"] / own["floor"])
        for axes, (column, label) in zip(line, REGULARISATION.items(), strict=True):
            for (model, passes), part in own.groupby(["model", "passes"]):
                style = {"ls": styles.get(passes, "-"), "marker": "o"}
                _line(axes, part["entropy"], part, column, colours[model], style)
            ideal = 1.0 if column == "ratio" else null[dataset, column]
            axes.axhline(ideal, **_REFERENCE)
            axes.set(xlabel="entropy ε", ylabel=label, title=f"{dataset}, {teacher}")
            _entropy_axis(axes, own["entropy"])
        line[0].set_yscale("log")
        _plain_log_axis(line[0], min(0.9, own["ratio"].min()), own["ratio"].max())
        line[1].set_ylim(0, 1.05)
        for axes in line[2:]:
            axes.set_ylim(0, 1)
    _legend(figure, [*_model_handles(colours, styles), _REAL_ROWS])
    return figure


def memorisation_figure(metrics: pd.DataFrame) -> Figure:
    """A and S over time, a line of panels for each flow; dashed: the flows themselves."""
    table = memorisation_table(metrics).dropna(subset=["time", "entropy"])
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
    table = table.dropna(subset=["entropy"]).assign(rows=lambda t: t["dataset"].map(sizes))
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
        _line(axes, part[x], part, y, colours[entropy], styles[model] | {"markersize": 3})
    if f"{y}_low" in table:
        axes.axhline(0.5, **_FRESH)
    axes.set_ylim(0, 1.02)


def quality_over_cost_figure(metrics: pd.DataFrame) -> Figure:
    """Distance to test rows, over its floor, over the seconds that 1,000 samples take.

    Of each method at its smallest entropy, a line over k passes. Of datasets that something was
    learned of, but not those where only the map matters.
    """
    table = quality_and_cost(metrics).dropna(subset=["seconds_per_1000"])
    real = metrics[(metrics["model"] == TEST_SET) & (metrics["metric"] == "sw_test")]
    floors = real.groupby("dataset")["value"].mean()
    table = table[table["dataset"].isin(floors.index)]
    if table.empty:
        raise InputError("metrics.csv holds no samples beside their cost; add an experiment.")
    table["ratio"] = table["sw_test"] / table["dataset"].map(floors)
    table["error"] = table["sw_test_std"] / table["dataset"].map(floors)
    table["method"] = _methods(table)
    # Colour and mark together tell more methods apart than safe colours there are.
    methods = sorted(table["method"].unique())
    colours = dict(zip(methods, itertools.cycle(sns.color_palette(PALETTE)), strict=False))
    marks = dict(zip(methods, itertools.cycle(MARKERS), strict=False))
    groups = list(table.groupby("dataset"))
    figure, panels = _panels(len(groups), min(len(groups), N_COLUMNS), (4.6, 3.6), (0, 1), True)
    for axes, (dataset, group) in zip(panels.flat, groups, strict=False):
        for (name, _), part in group.sort_values("passes").groupby(["method", "teacher"]):
            style = {"color": colours[name], "marker": marks[name], "markersize": 7}
            at = part["seconds_per_1000"], part["ratio"]
            axes.errorbar(*at, yerr=part["error"], linewidth=1, capsize=2, **style)
            for _, row in part.iloc[[0, -1]].drop_duplicates().iterrows():
                notes = [f"ε = {row['entropy']:g}"] if row["entropy"] > 0 else []
                notes += [f"k = {row['passes']:g}"] if len(part) > 1 else []
                spot = row["seconds_per_1000"], row["ratio"]
                axes.annotate(", ".join(notes), spot, (7, 4), **_BESIDE_POINT)
        axes.axhline(1, **_REFERENCE)
        axes.set(xscale="log", yscale="log", title=dataset, xlabel="seconds per 1,000 samples")
        low, high = table["seconds_per_1000"].min(), table["seconds_per_1000"].max()
        axes.set_xlim(low / 2, high * 4)
        error = table["error"].fillna(0)
        lowest, highest = table["ratio"] - error, table["ratio"] + error
        _plain_log_axis(axes, max(0.5, min(0.8, lowest.min())), highest.max())
    for line in panels:
        line[0].set_ylabel("SW₂ to test rows / floor")
    handles = [
        Line2D([], [], color=colours[name], marker=marks[name], linestyle="", label=name)
        for name in colours
    ]
    _legend(figure, [*handles, _REAL_ROWS])
    return figure


def _methods(table: pd.DataFrame) -> pd.Series:
    """A flow by its own name, others by the model's."""
    is_flow = table["model"] == PARTICLES
    return table["model"].mask(is_flow, "flow: " + table["teacher"])


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
        axes.axhline(1, **_REFERENCE)
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
    _legend(figure, [*handles, _ANOTHER_RUN])
    return figure


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "convergence": convergence_figure,
    "fidelity": fidelity_figure,
    "regularisation": regularisation_figure,
    "memorisation": memorisation_figure,
    "generalisation": generalisation_figure,
    "control": control_figure,
    "quality_over_cost": quality_over_cost_figure,
}


def write_figure(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.svg."""
    for suffix in ("png", "svg"):
        save_figure(figure, stem.with_name(f"{stem.name}.{suffix}"))


def save_figure(figure: Figure, out: Path) -> None:
    """Write one file in the format of its ending, without a date inside, and close the figure."""
    kind = out.suffix[1:]
    metadata = {"Date": None} if kind == "svg" else None
    with atomic_path(out) as partial:
        figure.savefig(partial, format=kind, bbox_inches="tight", dpi=150, metadata=metadata)
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


def _line(
    axes: Any, x: pd.Series, table: pd.DataFrame, y: str, colour: Any, style: dict[str, Any]
) -> None:
    """Column y over x, with its interval where there is one."""
    axes.plot(x, table[y], color=colour, **style)
    if f"{y}_low" in table:
        bounds = table[f"{y}_low"], table[f"{y}_high"]
        axes.fill_between(x, *bounds, color=colour, alpha=0.15, linewidth=0)


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
    """Dashed lines for the flow, other lines and marks for models."""
    models = sorted(set(table["model"]) - {PARTICLES})
    kinds = [{"marker": mark, "ls": line} for mark in MARKERS for line in LINE_STYLES]
    return {PARTICLES: {"marker": "o", "ls": "--"}} | dict(zip(models, kinds, strict=False))


def _entropy_and_model_legend(
    figure: Figure, colours: dict[Any, Any], styles: dict[Any, Any]
) -> None:
    """Colours are entropies, kinds of lines are models."""
    handles = _entropy_handles(colours)
    handles += [Line2D([], [], color="0.3", **style, label=name) for name, style in styles.items()]
    _legend(figure, [*handles, Line2D([], [], **_FRESH, label="fresh data")])


def _colours(names: pd.Series) -> dict[Any, Any]:
    """A colour for each name."""
    found = sorted(names.unique())
    palette = PALETTE if len(found) <= len(sns.color_palette(PALETTE)) else "husl"
    return dict(zip(found, sns.color_palette(palette, len(found)), strict=True))


def _passes_styles(table: pd.DataFrame) -> dict[Any, Any]:
    """A kind of line for each number of passes, of models that have several."""
    several = table.groupby("model")["passes"].transform("nunique") > 1
    known = sorted(table.loc[several, "passes"].unique())
    return dict(zip(known, itertools.cycle(LINE_STYLES), strict=False))


def _model_handles(colours: dict[Any, Any], styles: dict[Any, Any]) -> list[Line2D]:
    """Colours are models, kinds of lines are passes."""
    return _handles(colours) + [
        Line2D([], [], color="0.3", ls=style, label=f"k = {passes:g}")
        for passes, style in styles.items()
    ]


def _entropy_axis(axes: Any, entropies: pd.Series) -> None:
    """Spread grows as √ε for small ε: so does the axis. Labels that would touch are left out."""
    end = 1.1 * entropies.max()
    ticks: list[float] = []
    for entropy in sorted(entropies.unique()):
        if not ticks or math.sqrt(entropy) - math.sqrt(ticks[-1]) > 0.12 * math.sqrt(end):
            ticks.append(entropy)
    axes.set_xscale("function", functions=(np.sqrt, np.square))
    axes.set_xlim(0, end)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])


def _time_axis(axes: Any, end: float) -> None:
    """Stored times are even in log(1 + τ): so is the axis."""
    axes.set_xscale("function", functions=(np.log1p, np.expm1))
    ticks = [t for t in (0, 1, 3, 10, 30, 100, 300, 1000, 3000) if t <= end]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.set_xlim(0, end * 1.05)


def _step_axis(axes: Any, metrics: pd.DataFrame, key: tuple[Any, ...]) -> None:
    """Above a panel, the number of steps up to each time."""
    own = metrics[(metrics["metric"] == "steps") & (metrics["dataset"] == key[0])]
    counted = own[own["teacher"] == key[1]].groupby("time")["value"].max()
    if counted.empty:
        return
    marks = counted.iloc[[0, len(counted) // 3, 2 * len(counted) // 3, -1]]
    above = axes.secondary_xaxis("top")
    above.set_xticks(marks.index, [f"{steps:.0f}" for steps in marks], fontsize=8)
    above.set_xlabel("steps", fontsize=8)


def _plain_log_axis(axes: Any, low: float, high: float) -> None:
    """Ticks as plain numbers: 1, 2, 5 × 10^n; over long ranges 1 alone, over short ones evenly."""
    if high < 3 * low:
        ticks = list(MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high))
    else:
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        within = (1, 2, 5) if high < 1000 * low else (1,)
        ticks = [k * 10.0**d for d in decades for k in within]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low / 1.15, high * 1.15)


_BESIDE_POINT: dict[str, Any] = {
    "textcoords": "offset points",
    "fontsize": 8,
    "color": "0.3",
    "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
    "zorder": 1,
}
