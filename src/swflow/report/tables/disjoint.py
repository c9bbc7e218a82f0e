"""Disjoint: how far apart flows and models carry the same points that learned no row in common."""

import pandas as pd

from swflow.metrics.names import FEATURE, OTHER, PIXEL
from swflow.report.tables.common import ROW, by_metric, column, half_interval, mean_std

NEEDS = ("disjoint",)
CAPTION = (
    "Two flows, or two models, that learned disjoint sets of rows carry the same source points. "
    "``apart``: the root mean square distance of where they end, over that of other points of the "
    "class: 0 for one map, 1 for unrelated ones; of images also in pixels and in features; mean ± "
    "deviation over seeds. ``copied`` (0 for fresh rows, 1 for copies, with 95 % interval) and "
    "``memorisation a`` are of the samples, ``other`` of those of the model of the other rows: "
    "what a model as good has of rows that it never saw."
)
KEYS = [*ROW, "time"]
OWN = ("copied", "memorisation_a")
NAMES = {"apart", PIXEL + "apart", FEATURE + "apart", *(OTHER + name for name in OWN), *OWN}


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """A row for each flow and model at each scored time."""
    names = NAMES | {name + "_error" for name in NAMES}
    found, rows = metrics[metrics["metric"].isin(names)], []
    for key, group in found.groupby(KEYS, dropna=False):
        values = by_metric(group, "value")
        if "apart" not in values:
            continue
        row = dict(zip(KEYS, key, strict=True))
        for name in ("apart", PIXEL + "apart", FEATURE + "apart"):
            row |= mean_std(name, column(values, name))
        for prefix in ("", OTHER):
            copied = column(values, prefix + "copied").mean()
            half = half_interval(column(values, prefix + "copied_error"))
            row |= {f"{prefix}copied": copied}
            row |= {f"{prefix}copied_low": copied - half, f"{prefix}copied_high": copied + half}
            name = prefix + "memorisation_a"
            row |= mean_std(name, column(values, name))
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else KEYS)
