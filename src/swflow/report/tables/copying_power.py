"""With which power of the number of training rows the times of good samples and of copies grow."""

import pandas as pd

from swflow.report.copying import LINE, TIMES, first_times, fitted, series
from swflow.report.powers import COLUMNS

NEEDS = ("three_sizes", "over_time")
CAPTION = (
    "With which power of the number of training rows n the first time of good samples (``tau "
    "gen``), that at which the copied fraction is a quarter (``tau quarter``) and that of sure "
    "copies (``tau mem``, later where fewer rows are held out: its power is too low) grow: fits of "
    "log τ over log n with 95 % intervals, one point for each set of rows, the mean over seeds, "
    "which share them (``points``). Sets of which a run never comes there within the horizon "
    "(``never`` counts such runs) are left out, and those of which one is there at the first time."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Powers of n with intervals, of each flow and model that has three sizes."""
    rows = []
    found = first_times(series(metrics))
    for key, own in found.groupby(LINE) if len(found) else ():
        for of in TIMES:
            fit = fitted(own, of)
            if fit is not None:
                rows.append((*key, of, *fit, int(own[of].isna().sum())))
    return pd.DataFrame(rows, columns=[*LINE, "time_of", *COLUMNS, "never"])
