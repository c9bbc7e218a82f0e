"""What each kind of regularisation does: distance to real rows, coverage, spread, memorisation."""

import pandas as pd

from swflow.report.regularisers import with_kinds
from swflow.report.tables.common import FLOW, ROW, ends, interval, means

NEEDS = ()
CAPTION = (
    "What regularisation does to samples at the end of the flow. ``kind`` and ``strength``: what "
    "regularises the flow, and the parameter of that. ``sw test``, ``coverage`` and ``spread`` (tr "
    "Cov over that of real rows) are against the test split. Memorisation: ``A`` is the "
    "probability that a sample is nearer to the training rows than a fresh real row is (Meehan et "
    "al. 2020), ``S`` the probability that a sample is nearer to some training rows than to as "
    "many real rows that nothing saw. Both are ½ for fresh data (row ``test_set``); a copier has A "
    "= 1. Far below ½, A says that samples lie off the data: read it beside coverage. Brackets are "
    "95 % bootstrap intervals over samples, training rows and held-out rows."
)
QUALITY = ["sw_test", "coverage", "spread"]


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """What regularisation does: distance to the test split, coverage, spread, memorisation.

    memorisation_a, memorisation_s: ½ for fresh data (row test_set), 1 for copies in A; their 95 %
    intervals: the mean over seeds ± 1.96 bootstrap errors, which seeds share (the same rows).
    """
    at_end = metrics[metrics["time"].isna() | (metrics["time"] == ends(metrics))]
    found = at_end[at_end["metric"] == "memorisation_a"].drop_duplicates(ROW)
    floor = at_end[at_end["metric"] == "sw_test"].groupby(ROW, dropna=False)["floor"].mean()
    measured = [name for name in QUALITY if (at_end["metric"] == name).any()]
    table = means(at_end, measured).merge(found[ROW], on=ROW)
    table = table.merge(floor.rename("floor").reset_index(), on=ROW)
    for name in ("memorisation_a", "memorisation_s"):
        table = table.merge(interval(at_end, name, ROW), on=ROW)
    table = with_kinds(table, metrics)
    order = ["dataset", "model", "passes", "entropy", "kind", "strength"]
    first = [*FLOW, "model", "passes", "kind", "strength", "sw_test", "sw_test_std", "floor"]
    rest = [name for name in table if name not in first]
    return table.sort_values(order, ignore_index=True)[first + rest]
