"""Every kind of regularisation from weak to strong: distance to real rows, copies, coverage."""

import pandas as pd

from swflow.report.paths import paths, saved
from swflow.report.points import Measures
from swflow.report.tables.common import mean_std

NEEDS = ("regularised", "over_time")
CAPTION = (
    "Every kind of regularisation from weak to strong, beside no regularisation (``none``: the end "
    "of the flow). ``distance`` to real rows, in multiples of that of other real rows (images: "
    "Fréchet distance in features; other rows: energy distance); ``copied``: the part of copies of "
    "training rows that would be as near to them (0 for fresh rows, 1 for copies); ``memorisation "
    "a``: ½ for fresh rows; ``spread``: tr Cov over that of real rows; ``saved``: how much less is "
    "copied than by the same flow or model at the first time at which it is no farther from real "
    "rows, of seeds that come as near. ``strength``: the parameter of the kind. Mean ± deviation "
    "over seeds."
)
KEYS = ["dataset", "model", "passes", "kind", "strength"]
COLUMNS = (*Measures._fields, "saved")


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Points of every path, in order; what all paths begin with once, as kind none."""
    found = paths(metrics)
    found = found.assign(saved=saved(found))
    begin = found["strength"].isna()
    points = pd.concat([found[begin].assign(kind="none").drop_duplicates(), found[~begin]])
    points = points.drop_duplicates([*KEYS, "seed"])
    rows = []
    for key, own in points.groupby(KEYS, dropna=False, sort=False):
        row = dict(zip(KEYS, key, strict=True)) | {"seeds": len(own)}
        for name in COLUMNS:
            row |= mean_std(name, own[name].astype(float))
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else [*KEYS, *COLUMNS])
