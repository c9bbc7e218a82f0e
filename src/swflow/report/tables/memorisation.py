"""Whether a row copies its training rows, at every entropy and time."""

import pandas as pd

from swflow.report.tables.common import FLOW, ROW, interval
from swflow.settings import PARTICLES

NEEDS = ()
CAPTION = (
    "Whether samples copy training rows, at every entropy and time. A: how often a sample is "
    "nearer to the training rows than a held-out row is (½ for fresh data, 1 for copies); S: how "
    "often it is nearer to some training rows than to as many held-out ones; ``copied``: the part "
    "of copies that would have the same S (0 for fresh data, 1 for copies). ``beyond``: upper 95 % "
    "limits of A − ½ and of the copied fraction, those of the flow beside them; at most .05 and "
    ".25 pass."
)
# Upper limits that pass.
PASSING = {"beyond_a": 0.05, "beyond_copied": 0.25}


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Whether a row copies its training rows, at every entropy and time.

    beyond_a, beyond_copied: upper 95 % limits of A − ½ and of the copied fraction; flow_beyond_a,
    flow_beyond_copied: those of the flow that a model learned. At most PASSING pass.
    """
    keys = [*ROW, "time"]
    table = metrics[metrics["metric"] == "memorisation_a"][keys].drop_duplicates()
    for name in ("memorisation_a", "memorisation_s", "copied"):
        table = table.merge(interval(metrics, name, keys), on=keys)
    table["beyond_a"] = table["memorisation_a_high"] - 0.5
    table["beyond_copied"] = table["copied_high"]
    limits = list(PASSING)
    flows = table[table["model"] == PARTICLES][[*FLOW, "time", *limits]]
    flows = flows.rename(columns={name: f"flow_{name}" for name in limits})
    return table.merge(flows, on=[*FLOW, "time"], how="left").sort_values(keys, ignore_index=True)
