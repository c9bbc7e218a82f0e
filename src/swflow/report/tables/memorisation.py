"""Whether a row copies its training rows, at every entropy and time."""

import pandas as pd

from swflow.report.tables.common import FLOW, ROW, interval
from swflow.settings import PARTICLES

NEEDS = ()
CAPTION = (
    "Whether samples copy training rows, at every entropy and time. A: how often a sample is "
    "nearer to the training rows than a held-out row is (½ for fresh data, 1 for copies); S: how "
    "often it is nearer to some training rows than to as many held-out ones. ``beyond``: upper 95 "
    "% limits of A − ½ and S − ½, those of the flow beside them; at most .05 passes."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Whether a row copies its training rows, at every entropy and time.

    beyond_a, beyond_s: upper 95 % limits of A − ½ and S − ½; flow_beyond_a, flow_beyond_s: those
    of the flow that a model learned. At most .05 passes.
    """
    keys = [*ROW, "time"]
    table = metrics[metrics["metric"] == "memorisation_a"][keys].drop_duplicates()
    for name in ("a", "s"):
        around = interval(metrics, f"memorisation_{name}", keys)
        beyond = around[f"memorisation_{name}_high"] - 0.5
        table = table.merge(around.assign(**{f"beyond_{name}": beyond}), on=keys)
    limits = ["beyond_a", "beyond_s"]
    flows = table[table["model"] == PARTICLES][[*FLOW, "time", *limits]]
    flows = flows.rename(columns={name: f"flow_{name}" for name in limits})
    return table.merge(flows, on=[*FLOW, "time"], how="left").sort_values(keys, ignore_index=True)
