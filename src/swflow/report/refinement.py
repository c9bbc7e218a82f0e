"""Families of flows that differ in one number alone, and the errors of each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from swflow.report.powers import LEAST
from swflow.report.tables.common import ends
from swflow.settings import PARTICLES

# What flows are told apart by, by the beginning of the metric's name.
SETUP = (
    *("n_particles", "target_batch", "by_class", "quasi", "horizon"),
    *("directions_", "step_", "strength_"),
)
REFINED = ("n_particles", "directions_", "step_")
FAMILY = ["dataset", "refined", "others", "entropy"]


class Error(NamedTuple):
    """An error made of a metric: (scale · value)^exponent; of: what it tells of."""

    name: str
    words: str
    of: tuple[str, ...]
    scale: float = 1.0
    exponent: float = 1.0


# By metric. uvp is 100·½E|X − X′|²/Var X, sw2_large is squared.
ERRORS = {
    "uvp": Error("repeatability", "RMS difference of two runs", REFINED[:2], 2 / 100, 0.5),
    "sw2_large": Error("between_runs", "SW₂ of two runs", REFINED[:1], 1.0, 0.5),
    "std_error": Error("std_error", "error of the deviation", REFINED[2:]),
    "covariance_error": Error("covariance_error", "error of the covariance", REFINED[2:]),
}


class Family(NamedTuple):
    """Flows to a dataset that differ in one number: the number of each, by its name."""

    dataset: str
    refined: str
    others: str
    values: "pd.Series[float]"


def families(metrics: pd.DataFrame) -> list[Family]:
    """All families of three values or more; others: what else tells families apart, in words."""
    flows = metrics[(metrics["model"] == PARTICLES) & metrics["metric"].str.startswith(SETUP)]
    found = []
    for dataset, own in flows.groupby("dataset"):
        setup = own.groupby(["teacher", "metric"])["value"].first().unstack()
        names = [str(name) for name in setup]
        for name in (name for name in names if name.startswith(REFINED)):
            known = setup[setup[name].notna()]
            others = [other for other in names if other != name]
            for key, group in known.groupby(others, dropna=False):
                if group[name].nunique() >= LEAST:
                    said = _said(dict(zip(others, key, strict=True)))
                    found.append(Family(str(dataset), name, said, group[name]))
    return found


def _said(setup: Mapping[str, Any]) -> str:
    """The kinds of directions and of steps, and what regularises, of all that is known of these."""
    found = [
        name.removeprefix(prefix)
        for name, value in setup.items()
        for prefix in ("directions_", "step_", "strength_")
        if name.startswith(prefix) and not pd.isna(value)
    ]
    return ", ".join(found).replace("_", " ")


def errors(metrics: pd.DataFrame) -> pd.DataFrame:
    """A row for each family, flow, entropy, seed and error of ERRORS at the end of the flow.

    Columns FAMILY, teacher, seed, measure, refined_to (the number), error, and floor where it is
    known. repeatability: root mean square difference of the same source points in two runs, over
    the data's deviation; between_runs: SW₂ of all their particles; others: of closed forms.
    """
    flows = metrics[(metrics["model"] == PARTICLES) & metrics["label"].isna()]
    flows = flows[(flows["time"] == ends(flows)) & flows["metric"].isin(ERRORS)]
    scale, exponent, measure = (
        flows["metric"].map({metric: getattr(of, field) for metric, of in ERRORS.items()})
        for field in ("scale", "exponent", "name")
    )
    error = (scale * flows["value"]) ** exponent
    floor = flows["floor"].where(exponent == 1)  # that of others is themselves
    flows = flows.assign(error=error, floor=floor, measure=measure)
    found = []
    for family in families(metrics):
        told = [of.name for of in ERRORS.values() if family.refined.startswith(of.of)]
        own = flows[(flows["dataset"] == family.dataset) & flows["measure"].isin(told)]
        own = own.assign(refined_to=own["teacher"].map(family.values)).dropna(subset=["refined_to"])
        found.append(own.assign(refined=family.refined, others=family.others))
    columns = [*FAMILY, "teacher", "seed", "measure", "refined_to", "error", "floor"]
    if not found:
        return pd.DataFrame(columns=columns)
    table = pd.concat(found)[columns]
    sizes = table.groupby([*FAMILY, "measure"])["refined_to"].transform("nunique")
    return table[sizes >= LEAST]
