"""The smallest part of copies among fresh rows that each statistic finds."""

import pandas as pd

from swflow.metrics.names import PLANTED
from swflow.report.tables.common import mean_std

NEEDS = ("planted",)
CAPTION = (
    "The smallest part of planted copies of training rows, among rows that nothing was fitted to, "
    "that the copied fraction and A find at this number of rows four times out of five: it moves "
    "them by 2.8 of their standard errors, so that their lower 95 % limit is then above what fresh "
    "rows have. ``jitter``: noise on the copies, over the median distance of a fresh "
    "row to its nearest training row. Parts tried: .01, .02, .05, .1, .2, .5 and 1; –: not found. "
    "Mean ± deviation over seeds."
)
STATISTICS = ("copied", "memorisation_a")


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Smallest parts found, for each dataset and jitter; rows of seeds that found none are out."""
    own = metrics[metrics["metric"].str.startswith(PLANTED)]
    names = own["metric"].str.removeprefix(PLANTED).str.rsplit("_", n=1)
    own = own.assign(statistic=names.str[0], jitter=names.str[1].astype(float))
    rows = []
    for (dataset, jitter), group in own.groupby(["dataset", "jitter"]):
        row = {"dataset": dataset, "jitter": jitter, "n": group["n"].max()}
        for name in STATISTICS:
            row |= mean_std(name, group.loc[group["statistic"] == name, "value"])
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["dataset", "jitter", "n", *STATISTICS])
