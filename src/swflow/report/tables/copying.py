"""When flows and models are best, and when they begin to copy, over the number of training rows."""

import pandas as pd

from swflow.report.copying import ROW, TIMES, first_times, series
from swflow.report.tables.common import half_interval, mean_std

NEEDS = ("sizes", "over_time")
CAPTION = (
    "When samples are best, and when they begin to copy. ``seen in``: what nearness is taken in, "
    "features and pixels of images, or rows as they are (latents). ``rows``: training rows. ``tau "
    "gen``: the first flow time within 1.1 of the best distance to real rows; ``tau mem``: the "
    "first at which the lower 95 % limit of the copied fraction is above .05 (``copying``: in how "
    "many of the ``runs``, each a seed and its rows, that ever is), a limit that is later where "
    "fewer rows are held out; ``tau quarter``: the first at which that fraction is .25 itself, by "
    "the fit that never falls; straight between stored times in log τ, mean ± deviation over runs. "
    "``best``: the best distance, over that of other real rows; ``copied`` (0 for fresh rows, 1 "
    "for copies, with 95 % interval) and ``memorisation a`` (½ for fresh rows) are at the end of "
    "the flow."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """First times of good samples and of copies for each flow, model and number of rows."""
    rows = []
    found = first_times(series(metrics))
    for key, own in found.groupby(ROW) if len(found) else ():
        row = dict(zip(ROW, key, strict=True)) | {"runs": len(own)}
        for name in TIMES:
            row |= mean_std(name, own[name])
        row["copying"] = int(own["tau_mem"].notna().sum())
        row |= mean_std("best", own["best"])
        half = half_interval(own["copied_error"])
        copied = own["copied"].mean()
        row |= {"copied": copied, "copied_low": copied - half, "copied_high": copied + half}
        rows.append(row | mean_std("memorisation_a", own["memorisation_a"]))
    return pd.DataFrame(rows, columns=None if rows else [*ROW, *TIMES])
