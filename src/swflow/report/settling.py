"""How three distances of a flow to real rows fall over time."""

from typing import NamedTuple

import pandas as pd

from swflow.report.tables.common import FLOW
from swflow.settings import PARTICLES


class Distance(NamedTuple):
    """A distance of samples to real rows: its name, and what it is called on an axis.

    told: how often a classifier tells both apart, of which ½ is the least; others are over floors.
    """

    name: str
    words: str
    told: bool = False

    def settled(self, least: float) -> float:
        """The level at which it has settled: 1.1 of its least value; told apart, .02 more."""
        return least + 0.02 if self.told else 1.1 * least


DISTANCES = {
    "sw_test": Distance("sw", "SW₂ to real rows / floor"),
    "energy_test": Distance("energy", "energy distance / floor"),
    "c2st_test": Distance("c2st", "told from real rows (C2ST)", told=True),
}


def series(metrics: pd.DataFrame) -> pd.DataFrame:
    """Distances of particles over time: columns of FLOW, seed, time, distance (its name), value.

    Only of flows that were scored at several times after the first.
    """
    found = metrics[(metrics["model"] == PARTICLES) & metrics["metric"].isin(DISTANCES)]
    found = found[(found["time"] > 0) & found["label"].isna()]
    found = found[found.groupby(FLOW)["time"].transform("nunique") > 1]
    told = found["metric"].map({metric: of.told for metric, of in DISTANCES.items()})
    value = found["value"].where(told.astype(bool), found["value"] / found["floor"])
    name = found["metric"].map({metric: of.name for metric, of in DISTANCES.items()})
    return found[[*FLOW, "seed", "time"]].assign(distance=name, value=value)
