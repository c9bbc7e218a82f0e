"""How well the twin follows its particles."""

import pandas as pd

from swflow.report.tables.common import FLOW, by_metric, ratio
from swflow.settings import PARTICLES

NEEDS = ("entropy",)
CAPTION = (
    "With entropy the particles are noisy, and no function of their starting point. The "
    "deterministic twin Z takes sliced steps towards the particles X after each of their steps: "
    "it has their law, and depends smoothly on its starting point. ``sw`` is the "
    "distance of all Z to all X of one run, ``floor`` that of the particles of two runs."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """How well the twin follows its particles: SW(Z, X) beside run-to-run."""
    own = metrics[metrics["model"] == PARTICLES]
    rows = []
    keys = [*FLOW, "time"]
    for key, group in own.groupby(keys):
        values = by_metric(group, "value")
        if "sw2_twin" in values:
            rows.append(
                dict(zip(keys, key, strict=True)) | ratio(values["sw2_twin"], values["sw2_large"])
            )
    return pd.DataFrame(rows)
