"""Families of flows that differ in one number alone, and the errors of each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from swflow.report.powers import LEAST
from swflow.report.tables.common import ends
from swflow.settings import PARTICLES

# What flows are told apart by, by the beginning of the metric's name.
SETUP = (
    *("n_particles", "target_batch", "dim", "by_class", "quasi", "horizon"),
    *("directions_", "step_", "strength_"),
)
SAMPLED = ("n_particles", "target_batch", "directions_", "dim")
STEPPED = ("step_",)
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
    "uvp": Error("repeatability", "RMS difference of two runs", SAMPLED, 2 / 100, 0.5),
    "sw2_large": Error("between_runs", "SW₂ of two runs", SAMPLED, 1.0, 0.5),
    "std_error": Error("std_error", "error of the deviation", STEPPED),
    "covariance_error": Error("covariance_error", "error of the covariance", STEPPED),
}


class Family(NamedTuple):
    """Flows that differ in one number: the number of each, by dataset and flow.

    dataset: the one that all flow to; where the dimension differs, the first and the last.
    """

    dataset: str
    refined: str
    others: str
    values: "pd.Series[float]"


def families(metrics: pd.DataFrame) -> list[Family]:
    """All families of three values or more; others: what else tells families apart, in words.

    To one dataset, or, where the dimension differs, of one flow.
    """
    flows = metrics[(metrics["model"] == PARTICLES) & metrics["metric"].str.startswith(SETUP)]
    setup = flows.groupby(["dataset", "teacher", "metric"])["value"].first().unstack()
    found = []
    for name in (str(name) for name in setup if str(name).startswith(SAMPLED + STEPPED)):
        same = "teacher" if name == "dim" else "dataset"
        known = setup[setup[name].notna()]
        others = [str(other) for other in setup if other != name]
        for (_, *key), group in known.groupby([same, *others], dropna=False):
            if group[name].nunique() >= LEAST:
                values = group[name].sort_values()
                said = _said(dict(zip(others, key, strict=True)))
                found.append(Family(_datasets(values), name, said, values))
    return found


def _datasets(values: "pd.Series[float]") -> str:
    """The dataset of all flows, or the first and the last."""
    names = values.index.get_level_values("dataset").unique()
    return " to ".join(dict.fromkeys([names[0], names[-1]]))


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
        own = flows[flows["measure"].isin(told)].join(
            family.values.rename("refined_to"), on=["dataset", "teacher"], how="inner"
        )
        said = {"refined": family.refined, "others": family.others}
        found.append(own.assign(dataset=family.dataset, **said))
    columns = [*FAMILY, "teacher", "seed", "measure", "refined_to", "error", "floor"]
    if not found:
        return pd.DataFrame(columns=columns)
    table = pd.concat(found)[columns]
    sizes = table.groupby([*FAMILY, "measure"])["refined_to"].transform("nunique")
    return table[sizes >= LEAST]
