"""What entropy does: distance to the test split, coverage, memorisation."""

import pandas as pd

from swflow.report.tables.common import FLOW, ROW, ends, interval, means

NEEDS = ()
CAPTION = (
    "What entropy does to samples at the end of the flow. ``sw test`` and ``coverage`` are "
    "against the test split. Memorisation: ``A`` is the probability that a sample is nearer to "
    "the training rows than a fresh real row is (Meehan et al. 2020), ``S`` the probability that "
    "a sample is nearer to some training rows than to as many real rows that nothing saw. Both "
    "are ½ for fresh data (row ``test_set``); a copier has A = 1. Far below ½, A says that "
    "samples lie off the data: read it beside coverage. Brackets are 95 % bootstrap intervals "
    "over samples, training rows and held-out rows."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """What entropy does: distance to the test split, coverage, memorisation with 95 % intervals.

    memorisation_a, memorisation_s: ½ for fresh data (row test_set), 1 for copies in A. Intervals:
    the mean over seeds ± 1.96 bootstrap errors, which seeds share (the same rows).
    """
    metrics = metrics[metrics["time"].isna() | (metrics["time"] == ends(metrics))]
    found = metrics[metrics["metric"] == "memorisation_a"].drop_duplicates(ROW)
    table = means(metrics, ["sw_test", "coverage"])
    floor = metrics[metrics["metric"] == "sw_test"].groupby(ROW, dropna=False)["floor"].mean()
    table = table.merge(found[ROW], on=ROW)
    table = table.merge(floor.rename("floor").reset_index(), on=ROW)
    for name in ("memorisation_a", "memorisation_s"):
        table = table.merge(interval(metrics, name, ROW), on=ROW)
    order = ["dataset", "model", "passes", "entropy"]
    first = [*FLOW, "model", "passes", "sw_test", "sw_test_std", "floor"]
    rest = [name for name in table if name not in first]
    return table.sort_values(order, ignore_index=True)[first + rest]
