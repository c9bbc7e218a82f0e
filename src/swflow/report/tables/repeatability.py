"""Repeatability: how far two runs of a flow carry the same source points apart."""

import pandas as pd

from swflow.report.tables.common import FLOW, by_metric, column, mean_std
from swflow.settings import PARTICLES

NEEDS = ("several_flows",)
CAPTION = (
    "How far two runs of a flow carry the same source points apart: 100·½E|X − X′|² / Var X, in "
    "percent, over flow time; no network that learns from a run can be nearer to another. Of flows "
    "with a twin it is the twins that are compared, which networks learn. ``simulate seconds``: of "
    "a run. Mean ± deviation over seeds."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """A row for each flow and time."""
    own, rows = metrics[metrics["model"] == PARTICLES], []
    for flow, group in own.groupby(FLOW):
        seconds = column(by_metric(group, "value"), "simulate_seconds")
        measured = group[group["metric"] == "uvp"]
        for time, at_time in measured.groupby("time"):
            row = dict(zip(FLOW, flow, strict=True)) | {"time": time}
            row |= mean_std("repeatability", at_time["value"])
            rows.append(row | mean_std("simulate_seconds", seconds))
    return pd.DataFrame(rows, columns=None if rows else [*FLOW, "time"])
