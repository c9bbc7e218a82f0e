"""Control by the class, at the end of the flow."""

import numpy as np
import pandas as pd

from swflow.report.tables.common import ROW, mean_std
from swflow.settings import TEST_SET

NEEDS = ("labels",)
CAPTION = (
    "Flows made class by class, at their end: SW₂ of the draws of a class to its particles "
    "over the floor, and how often a classifier of real rows sees the class that was asked "
    "for, in percent (``real``: of held-out rows)."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Control by the class, at the end of the flow.

    ratio: SW of the draws of a class to its particles over the floor, mean over classes; worst:
    of the worst class; agreement: part of the draws, in percent, that a classifier of real rows
    gives the asked class (of rows of at most 1,024 numbers); real: of held-out rows.
    """
    own = metrics[metrics["metric"].isin(["sw2_class", "label_agreement"])]
    rows = []
    for key, group in own[own["model"] != TEST_SET].groupby(ROW):
        classes = group[group["metric"] == "sw2_class"]
        squares = classes.groupby("label")[["value", "floor"]].mean()
        ratios = np.sqrt(squares["value"] / squares["floor"])
        agreed = group[group["metric"] == "label_agreement"]
        rows.append(
            dict(zip(ROW, key, strict=True))
            | {"ratio": ratios.mean(), "worst": ratios.max()}
            | mean_std("agreement", 100 * agreed["value"])
            | mean_std("real", 100 * agreed["floor"])
        )
    return pd.DataFrame(rows)
