"""Samples at the end of the flow against the test split."""

import pandas as pd

from swflow.report.tables.common import ends, means

NEEDS = ()
CAPTION = (
    "Samples at the end of the flow against real rows that nothing was fitted to: the test split, "
    "or half of the held-out rows where the test split is a published one, of another law. Row "
    "``test_set`` is what other real rows score: the floor. Distances: sliced Wasserstein "
    "(``sw test``), exact Wasserstein (``w2 test``), energy distance (``energy test``): smaller is "
    "better. "
    "``precision``, ``recall``, ``density``, ``coverage`` compare nearest neighbours: 1 is ideal. "
    "``c2st test`` is the accuracy of a classifier of samples against real rows: ½ is perfect. "
    "``memorisation a`` and ``s`` are above ½ for samples that lie nearer to training rows than "
    "held-out rows do, and to as many held-out rows."
)
MEASURES = (
    *("sw_test", "w2_test", "energy_test", "precision", "recall", "density", "coverage"),
    "c2st_test",
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Samples at the end of the flow against real rows; row test_set is the floor."""
    at_end = metrics[metrics["time"].isna() | (metrics["time"] == ends(metrics))]
    return means(at_end, [*MEASURES, "memorisation_a", "memorisation_s"])
