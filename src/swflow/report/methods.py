"""Quality beside cost: each method at its smallest entropy."""

import pandas as pd

from swflow.report.tables import cost, generation
from swflow.report.tables.common import ROW
from swflow.settings import PARTICLES, TEST_SET


def methods_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Columns of both tables, of each method at its smallest entropy, beside real rows.

    Of datasets that something was learned of, but not those where only the map matters.
    """
    table = generation.table(metrics).merge(cost.table(metrics), on=ROW, how="left")
    least = table.groupby(["dataset", "teacher", "model"])["entropy"].transform("min")
    table = table[table["entropy"].isna() | (table["entropy"] == least)]
    learned = set(table.loc[~table["model"].isin([PARTICLES, TEST_SET]), "dataset"])
    maps = set(metrics.loc[metrics["metric"] == "map_uvp", "dataset"])
    return table[table["dataset"].isin(learned - maps)]
