"""All scores of a study in one long table, with the floor beside each value."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from swflow.settings import PARTICLES, TEST_SET

COLUMNS = [
    *("dataset", "teacher", "model", "seed", "entropy", "time", "passes", "label", "trained"),
    *("metric", "value", "floor", "n"),
]
KEYS = COLUMNS[:10]
# What a row has in common with the one whose score is its floor. Times and entropies of rows that
# have none are missing on both sides.
FLOOR_KEYS = {
    PARTICLES: ["dataset", "teacher", "seed", "metric", "entropy", "time", "label"],
    TEST_SET: ["dataset", "seed", "metric"],
}


def long_form(records: Iterable[Mapping[str, Any]], floors: Mapping[str, str]) -> pd.DataFrame:
    """Records with all columns but floors of others as a table, floors filled, in one order.

    floors: whose score is the floor of a metric, by its name: what a perfect answer would score
    with the same sizes.
    """
    table = pd.DataFrame(list(records), columns=COLUMNS)
    table = table.astype(dict.fromkeys(["entropy", "time", "label", "value", "floor"], float))
    for row, keys in FLOOR_KEYS.items():
        wanted = [metric for metric, owner in floors.items() if owner == row]
        table = _with_floors(table, row, keys, wanted)
    return table.sort_values(KEYS, ignore_index=True)


def _with_floors(table: pd.DataFrame, row: str, keys: list[str], wanted: list[str]) -> pd.DataFrame:
    """Fill the floors of the metrics whose floor is the score of `row`."""
    source = table[(table["model"] == row) & table["metric"].isin(wanted)]
    found = table.merge(
        source[[*keys, "value"]].rename(columns={"value": "found"}), on=keys, how="left"
    )["found"]
    return table.assign(floor=table["floor"].fillna(pd.Series(found.to_numpy(), table.index)))
