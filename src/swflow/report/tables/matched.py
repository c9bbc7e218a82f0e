"""What each kind of regularisation buys at the same distance to real rows."""

import pandas as pd

from swflow.report.paths import crossings, paths
from swflow.report.points import Measures
from swflow.report.regularisers import STOPPING
from swflow.report.tables.common import mean_std
from swflow.settings import PARTICLES

NEEDS = ("regularised", "over_time")
CAPTION = (
    "What each kind of regularisation buys at the same distance to real rows: so strong that the "
    "samples come to a ``distance``, in multiples of that of other real rows (images: Fréchet "
    "distance in features; other rows: energy distance), straight between measured strengths in "
    "the logarithm of the distance. ``farther``: that distance over the flow's own without "
    "regularisation, seed by seed. ``copied``: the part of copies of training rows that would be "
    "as near to them (0 for fresh rows, 1 for copies); ``memorisation a``: ½ for fresh rows; "
    "``spread``: tr Cov over that of real rows. Mean ± deviation over the ``seeds`` whose path "
    "comes so far."
)
# Multiples of the distance of the flow that nothing regularises.
LEVELS = (1.05, 1.1, 1.25, 1.5, 2.0, 3.0)
KEYS = ["dataset", "model", "passes", "kind"]
COLUMNS = ("strength", *(name for name in Measures._fields if name != "distance"))


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Kinds at equal distance, for flows and models; rows of seeds that do not come there are out.

    strength: NaN between no regularisation and the weakest that was measured.
    """
    found, rows = paths(metrics), []
    for dataset, own in found.groupby("dataset"):
        flow = own[(own["model"] == PARTICLES) & (own["kind"] == STOPPING)]
        ends = flow[flow["strength"] == flow["strength"].max()]
        nearest = ends.groupby("seed")["distance"].first()
        for farther in LEVELS:
            for key, path in own.groupby(KEYS[1:]):
                reached = list(crossings(path, farther * nearest))
                if not reached:
                    continue
                row = dict(zip(KEYS, (dataset, *key), strict=True))
                values = pd.DataFrame(reached)
                row |= {"farther": farther, "distance": values["distance"].mean()}
                row["seeds"] = len(reached)
                for name in COLUMNS:
                    row |= mean_std(name, values[name].astype(float))
                rows.append(row)
    columns = [*KEYS, "farther", "distance", "seeds"]
    table = pd.DataFrame(rows, columns=None if rows else [*columns, *COLUMNS])
    return table.sort_values(["dataset", "farther", "model", "passes", "kind"], ignore_index=True)
