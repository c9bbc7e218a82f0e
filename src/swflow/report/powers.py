"""Power laws: with which power of one quantity another grows."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import linregress, t

LEAST = 3  # sizes and points of a fit
COLUMNS = ("power", "power_low", "power_high", "sizes", "points")


class Power(NamedTuple):
    """An exponent with its 95 % interval, from so many points at so many sizes."""

    power: float
    power_low: float
    power_high: float
    sizes: int
    points: int


def power(x: pd.Series, y: pd.Series) -> Power | None:
    """Fit y ∝ x^power by least squares in logarithms; None of fewer than three sizes.

    Points where y is NaN are left out.
    """
    known = y.notna()
    x, y = x[known], y[known]
    if x.nunique() < LEAST:
        return None
    fit = linregress(np.log(x), np.log(y))
    half = t.ppf(0.975, len(x) - 2) * fit.stderr
    return Power(fit.slope, fit.slope - half, fit.slope + half, int(x.nunique()), len(x))
