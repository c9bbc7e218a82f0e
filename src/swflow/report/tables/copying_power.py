"""With which power of the number of training rows the times of good samples and of copies grow."""

import pandas as pd

from swflow.report.copying import LINE, TIMES, first_times, series
from swflow.report.powers import COLUMNS, power

NEEDS = ("three_sizes", "over_time")
CAPTION = (
    "With which power of the number of training rows n the first time of good samples (``tau "
    "gen``) and that of copies (``tau mem``) grow: fits of log τ over log n, one point for each "
    "size and run, with 95 % intervals. Sizes at which copies never come within the horizon are "
    "left out: ``sizes`` and ``points`` say how many are in the fit."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Powers of n with intervals, of each flow and model that has three sizes."""
    rows = []
    found = first_times(series(metrics))
    for key, own in found.groupby(LINE) if len(found) else ():
        for of in TIMES:
            fit = power(own["rows"], own[of])
            if fit is not None:
                rows.append((*key, of, *fit))
    return pd.DataFrame(rows, columns=[*LINE, "time_of", *COLUMNS])
