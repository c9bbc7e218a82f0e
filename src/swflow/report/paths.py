"""Paths of regularisation: from a flow without any to stronger and stronger of one kind."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from swflow.report.points import Measures, points_of
from swflow.report.regularisers import ENTROPY, KINDS, NONE, STOPPING, kinds
from swflow.runtime.errors import InputError

LEAST_KINDS = 2  # of a dataset, early stopping included: one alone is compared with nothing
PATH = ["dataset", "kind", "model", "passes", "seed"]


def paths(metrics: pd.DataFrame) -> pd.DataFrame:
    """Points of every kind's path, from weak to strong, for each dataset, model, passes and seed.

    Columns PATH, strength, distance (over its floor), copied, coverage, memorisation_a, spread. A
    path begins with the end of the flow that nothing regularises: where there are several, of the
    first by name. The path of early stopping is in it, that of entropy too, beside flows that have
    runs with entropy alone. Images are measured in features, other rows as they are.
    """
    points = points_of(metrics).merge(kinds(metrics), on=["dataset", "teacher"])
    found = [_of_dataset(own) for _, own in points.groupby("dataset")]
    found = [own for own in found if own["kind"].nunique() >= LEAST_KINDS]
    return pd.concat(found, ignore_index=True) if found else points[:0]


def mean_paths(metrics: pd.DataFrame) -> pd.DataFrame:
    """Distance and copied fraction of every point of the `paths`, means over seeds.

    Raises InputError where nothing but early stopping is compared.
    """
    points = paths(metrics)
    if set(points["kind"]) <= {STOPPING}:
        raise InputError("metrics.csv holds no kind of regularisation to compare; add one.")
    keys = ["dataset", "kind", "model", "passes", "strength"]
    return points.groupby(keys, dropna=False)[["distance", "copied"]].mean().reset_index()


def saved(found: pd.DataFrame) -> "pd.Series[float]":
    """How much less is copied at each point of the `paths` than by stopping early as near.

    The copied fraction of the same flow or model at the first time at which it is no farther from
    real rows, straight in the logarithm of the distance, less that of the point. NaN of stopping
    itself, of no regularisation, and where no time is as near.
    """
    values = {}
    stopping = found["kind"] == STOPPING
    for _, own in found.groupby(["dataset", "model", "passes", "seed"]):
        stopped = own[stopping.loc[own.index]].sort_values("time")
        others = own[~stopping.loc[own.index] & own["strength"].notna()]
        for at, point in others.iterrows():
            values[at] = _first_as_near(stopped, point["distance"]) - point["copied"]
    return pd.Series(values, found.index, dtype=float)


def _first_as_near(stopped: pd.DataFrame, distance: float) -> float:
    """The copied fraction at the first time of a flow or model no farther than that, or NaN."""
    near = np.flatnonzero(stopped["distance"] <= distance)
    if not len(near):
        return float("nan")
    around = stopped.iloc[[near[0], max(near[0] - 1, 0)]]
    return float(np.interp(np.log(distance), np.log(around["distance"]), around["copied"]))


def _of_dataset(points: pd.DataFrame) -> pd.DataFrame:
    """The paths of one dataset."""
    at_end = points["time"] == points.groupby("teacher")["time"].transform("max")
    least = points["entropy"] == points.groupby("teacher")["entropy"].transform("min")
    free = points["kind"] == NONE
    plain = free & (points["entropy"] == points.loc[free, "entropy"].min())
    base = points["teacher"] == points.loc[plain, "teacher"].min()
    stopped = points[base & plain].assign(kind=STOPPING, strength=lambda own: own["time"])
    noisy = free & ~plain & at_end & (base | least)
    spread_out = points[noisy].assign(kind=ENTROPY, strength=lambda own: own["entropy"])
    others = points[at_end & least & points["kind"].isin(KINDS)]
    begin = points[base & plain & at_end]
    found = []
    for kind, path in pd.concat([spread_out, others]).groupby("kind"):
        path = pd.concat([begin.assign(kind=kind, strength=np.nan), path])
        found.append(path[path["model"].isin(path.loc[path["strength"].notna(), "model"])])
    ordered = [_ordered(path) for path in [stopped, *found] if len(path)]
    return pd.concat(ordered) if ordered else points.iloc[:0]


def _ordered(path: pd.DataFrame) -> pd.DataFrame:
    """From weak to strong."""
    rises = KINDS[path["kind"].iloc[0]].rises
    return path.sort_values([*PATH, "strength"], ascending=rises, na_position="first")


def crossings(path: pd.DataFrame, levels: "pd.Series[float]") -> Iterator[pd.Series]:
    """What is measured where a path first comes to a distance, straight in its logarithm.

    For each seed whose path begins nearer and comes so far; levels: the distance, by seed, of those
    for which it is known.
    """
    columns = [name for name in Measures._fields if name != "distance"]
    for seed, own in path.groupby("seed"):
        if seed not in levels:
            continue
        far = np.log(own["distance"].to_numpy() / levels[seed])
        above = np.flatnonzero(far >= 0)
        if not len(above) or above[0] == 0:
            continue
        after = int(above[0])
        part = far[after - 1] / (far[after - 1] - far[after])
        first, second = own.iloc[after - 1], own.iloc[after]
        values = first[columns] + part * (second[columns] - first[columns])
        strength = second["strength"]
        if part < 1:
            strength = first["strength"] ** (1 - part) * strength**part
        yield pd.concat([values, pd.Series({"strength": strength, "distance": levels[seed]})])
