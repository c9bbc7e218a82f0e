"""Names as people read them in figures: tables keep those of presets, to look them up."""

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from swflow.settings import PARTICLES, TEST_SET

# What figures call presets: their own names, but for those that it has.
Names = Mapping[str, str]
NO_NAMES: Names = MappingProxyType({})
KNOWN = {PARTICLES: "the flow", TEST_SET: "held-out rows"}


def renamed(metrics: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Rows of metrics.csv with what presets are called in figures."""
    columns = ["dataset", "teacher", "model"]
    return metrics.assign(**{of: metrics[of].replace(dict(names)) for of in columns})


def shown(name: object) -> str:
    """A preset's name, or a row's, in words: a dollar begins no formula."""
    return KNOWN.get(str(name), str(name).replace("_", " ").replace("$", r"\$"))


def titled(dataset: object, flow: object) -> str:
    """The title of a panel."""
    return f"{shown(dataset)}, flow “{shown(flow)}”"
