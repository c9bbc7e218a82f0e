"""Kinds of regularisation: of each flow the kind and its parameter, and what people call them."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from swflow.metrics.names import STRENGTH
from swflow.settings import PARTICLES


class Kind(NamedTuple):
    """What figures call a kind and its parameter; whether more of that regularises more."""

    name: str
    parameter: str
    rises: bool


NONE, ENTROPY, STOPPING = "none", "entropy", "early_stopping"
KINDS = {
    ENTROPY: Kind("entropy", "ε", True),
    STOPPING: Kind("early stopping", "τ", False),
    "smoothing": Kind("smoothed target", "width", True),
    "sliced_entropy": Kind("sliced entropy", "ε", True),
    "entropic": Kind("entropic plans", "γ", True),
    "entropic_debiased": Kind("debiased entropic plans", "γ", True),
    "partial": Kind("partial transport", "mass", False),
    "unbalanced": Kind("unbalanced transport", "ρ", False),
    "quantiles": Kind("few quantiles", "quantiles", False),
    "particles": Kind("few particles", "particles", False),
    "subsets": Kind("fresh subsets", "rows", False),
}


def kinds(metrics: pd.DataFrame) -> pd.DataFrame:
    """A row for each dataset and flow: kind and strength of what regularises it beside entropy.

    Fewer particles than other flows to the dataset have, and fresh subsets of the target where
    others have all of it, are kinds of their own where there is no other, beside flows to the
    dataset that something regularises. Of several kinds the
    strength is that of none. Without: kind "none", strength NaN.
    """
    flows = metrics[metrics["model"] == PARTICLES]
    keys = ["dataset", "teacher"]
    found = flows.groupby([*keys, "metric"])["value"].first().unstack()
    found = found.reindex(columns=list(dict.fromkeys([*found, "n_particles", "target_batch"])))
    rows = []
    for dataset, family in found.groupby(level="dataset"):
        most, whole = family["n_particles"].max(), family["target_batch"].isna().any()
        regularised = bool(family.filter(like=STRENGTH).notna().any(axis=None))
        for teacher, setup in family.droplevel("dataset").iterrows():
            few = regularised and setup["n_particles"] < most
            own = _own(setup, few=few, subsets=regularised and bool(whole))
            strength = next(iter(own.values())) if len(own) == 1 else np.nan
            rows.append((dataset, teacher, " + ".join(own) or NONE, strength))
    return pd.DataFrame(rows, columns=[*keys, "kind", "strength"])


def _own(setup: pd.Series, *, few: bool, subsets: bool) -> dict[str, float]:
    """What regularises one flow."""
    found = setup[[str(name).startswith(STRENGTH) for name in setup.index]].dropna()
    own = {str(name).removeprefix(STRENGTH): float(value) for name, value in found.items()}
    if not own and subsets and setup["target_batch"] > 0:
        own["subsets"] = float(setup["target_batch"])
    if not own and few:
        own["particles"] = float(setup["n_particles"])
    return own


def with_kinds(table: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """A table of rows with their kinds and strengths: those of their flow, or the entropy."""
    table = table.merge(kinds(metrics), on=["dataset", "teacher"], how="left")
    by_entropy = (table["kind"] == NONE) & (table["entropy"] > 0)
    kind = table["kind"].mask(by_entropy, ENTROPY)
    return table.assign(kind=kind, strength=table["strength"].mask(by_entropy, table["entropy"]))
