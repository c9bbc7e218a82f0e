"""Where source points are carried, against the optimal map."""

import pandas as pd

from swflow.report.tables.common import means

NEEDS = ("optimal_map",)
CAPTION = (
    "Where source points are carried, against the optimal map, where that is known: "
    "unexplained variance (L2-UVP, percent) and cosine of the displacements, mean ± standard "
    "deviation over seeds. Beside them the identity and the best affine map."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Where source points are carried, against the optimal map.

    map_uvp: L2-UVP, percent; map_cosine: of the two displacements; the same of the identity and of
    the best affine map; train_seconds: spent.
    """
    names = [
        *("map_uvp", "map_cosine", "identity_map_uvp"),
        *("affine_map_uvp", "affine_map_cosine"),
    ]
    table = means(metrics, [*names, "train_seconds"])
    return table.dropna(subset=["map_uvp"]).drop(columns=["identity_map_uvp_std"])
