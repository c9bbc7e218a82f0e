"""When a flow has come near to real rows, by three distances."""

import pandas as pd

from swflow.report.settling import DISTANCES, series
from swflow.report.tables.common import FLOW, mean_std

NEEDS = ("over_time",)
CAPTION = (
    "When flows come near to real rows that nothing was fitted to. ``sw``, ``energy``: SW₂ and "
    "energy distance over those of other real rows; ``c2st``: how often a classifier tells "
    "samples from real rows (½: never better than chance). ``settled``: the first stored time at "
    "which a distance is at most 1.1 of its ``least`` value (C2ST: .02 more); ``first``, ``end``: "
    "its first and last value; mean ± deviation over ``seeds``."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """When each distance of each flow settles, and its first, least and last value."""
    known = {of.name: of for of in DISTANCES.values()}
    rows = []
    for key, own in series(metrics).groupby([*FLOW, "distance"]):
        paths = [path.set_index("time")["value"].sort_index() for _, path in own.groupby("seed")]
        level = known[str(key[-1])].settled
        row = dict(zip([*FLOW, "distance"], key, strict=True)) | {"seeds": len(paths)}
        settled = [path.index[path <= level(path.min())][0] for path in paths]
        row |= mean_std("settled", pd.Series(settled))
        row |= mean_std("first", pd.Series([path.iloc[0] for path in paths]))
        row |= mean_std("least", pd.Series([path.min() for path in paths]))
        rows.append(row | mean_std("end", pd.Series([path.iloc[-1] for path in paths])))
    return pd.DataFrame(rows, columns=None if rows else [*FLOW, "distance"])
