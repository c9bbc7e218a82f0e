"""How errors of a flow shrink with directions, particles and steps."""

import pandas as pd

from swflow.report.powers import COLUMNS, power
from swflow.report.refinement import FAMILY, errors

NEEDS = ("refined",)
CAPTION = (
    "With which power of the number of directions, particles, rows of a step or dimensions, or of "
    "the step, the errors of a flow at its end change, by least squares in logarithms over all "
    "seeds, with 95 % intervals. ``repeatability``: root mean square difference of the same source "
    "points in two runs; ``between runs``: SW₂ of all their particles; other errors: from closed "
    "forms of Gaussians. "
    "``largest`` and ``smallest``: of the means over seeds; ``floor``: what sampling alone leaves "
    "of the smallest, where that is known: an error at its floor says nothing of the power."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Powers with which errors change, for each family of flows that differ in one number."""
    rows = []
    for key, own in errors(metrics).groupby([*FAMILY, "measure"]):
        fit = power(own["refined_to"], own["error"])
        if fit is not None:
            means = own.groupby("refined_to")[["error", "floor"]].mean().sort_values("error")
            least = means.iloc[0]
            rows.append((*key, *fit, means["error"].max(), least["error"], least["floor"]))
    columns = [*FAMILY, "measure", *COLUMNS, "largest", "smallest", "floor"]
    return pd.DataFrame(rows, columns=columns)
