"""When a flow is best, and when it begins to copy: the first times of both."""

import numpy as np
import pandas as pd
from sklearn.isotonic import isotonic_regression

from swflow.report.points import SPACES, points_of
from swflow.report.powers import Power, power

NEAR_BEST = 1.1  # of the best distance: as good as any
COPIES = 0.05  # of which the lower 95 % limit of the copied fraction must be above
# The copied fraction itself, at every size: what is surely above .05 depends on the error, which
# falls with the number of rows, so that its time must not be compared over sizes.
QUARTER = 0.25
LINE = ["teacher", "entropy", "model", "passes", "seen_in"]  # one over the number of training rows
ROW = [*LINE, "rows"]
# The first times, as columns.
TIMES = ("tau_gen", "tau_mem", "tau_quarter")
COMPARED = ("tau_gen", "tau_quarter")  # over sizes


def series(metrics: pd.DataFrame) -> pd.DataFrame:
    """Points of flows to datasets of which one flow runs on several sizes; `rows`: their size.

    seen_in: the space of SPACES in which samples are compared, each of its own points. Datasets of
    one size are other rows of the same law: each with a seed is a run of its own.
    """
    sizes = metrics[metrics["metric"] == "train_rows"].groupby("dataset")["value"].first()
    spaces = [points_of(metrics, of).assign(seen_in=name) for name, of in SPACES.items()]
    points = pd.concat([of for of in spaces if len(of)] or spaces)
    points = points[points["time"] > 0].dropna(subset=["copied"])
    points = points.assign(rows=points["dataset"].map(sizes))
    return points[points["dataset"].isin(points.loc[_over_sizes(points), "dataset"])]


def drawn(points: pd.DataFrame) -> pd.DataFrame:
    """Those of a `series` over sizes, in the first space of their flow: of images in pixels."""
    points = points[_over_sizes(points)]
    order = points["seen_in"].map(list(SPACES).index)
    return points[order == order.groupby(points["teacher"]).transform("min")]


def _over_sizes(points: pd.DataFrame) -> "pd.Series[bool]":
    return points.groupby("teacher")["rows"].transform("nunique") > 1


def first_times(points: pd.DataFrame) -> pd.DataFrame:
    """Of a `series`: a row for each flow, model, number of rows, dataset and seed, with these.

    tau_gen: the first time within 1.1 of the best distance to real rows; tau_mem: the first at
    which the lower 95 % limit of the copied fraction is above .05; tau_quarter: the first at which
    it is .25 itself, by the fit that never falls (isotonic); straight between stored times in
    log τ, NaN where that is never. best: the best distance over its floor; from: the first stored
    time; copied, copied_error, memorisation_a: at the end.
    """
    rows = []
    for (*key, dataset, seed), path in points.groupby([*ROW, "dataset", "seed"]):
        path = path.sort_values("time")
        times, distance = path["time"].to_numpy(), path["distance"].to_numpy()
        least = path["copied"] - 1.96 * path["copied_error"]
        found = dict(zip(ROW, key, strict=True)) | {"dataset": dataset, "seed": seed}
        found["tau_gen"] = first_above(times, np.log(NEAR_BEST * distance.min() / distance))
        found["tau_mem"] = first_above(times, least.to_numpy() - COPIES)
        # Copies only become more; one early value above the others is noise.
        rising = isotonic_regression(path["copied"].to_numpy())
        found["tau_quarter"] = first_above(times, rising - QUARTER)
        found |= {"best": distance.min(), "from": times[0]}
        end = path.iloc[-1]
        rows.append(found | {of: end[of] for of in ("copied", "copied_error", "memorisation_a")})
    return pd.DataFrame(rows)


def first_above(times: np.ndarray, value: np.ndarray) -> float:
    """The time at which a function first comes above 0, straight in log τ between these times.

    The first, where it is above there; NaN where it never is.
    """
    above = np.flatnonzero(value > 0)
    if not len(above):
        return float("nan")
    k = int(above[0])
    if k == 0:
        return float(times[0])
    part = value[k - 1] / (value[k - 1] - value[k])
    return float(times[k - 1] ** (1 - part) * times[k] ** part)


def fitted(times: pd.DataFrame, of: str) -> Power | None:
    """The power of the number of rows with which a first time of `first_times` grows.

    Seeds share the rows that they copy and are held against: their mean of log τ is one point of a
    set of rows. Sets of which a run never comes there are left out, as all of them would be too
    early, and those of which one is there at the first stored time: when it came there is unknown.
    """
    known = times[of].where(times[of] > times["from"])
    log_times = times.assign(log=np.log(known)).groupby(["rows", "dataset"])["log"]
    means = log_times.mean()[log_times.count() == log_times.size()].reset_index()
    return power(means["rows"], np.exp(means["log"]))
