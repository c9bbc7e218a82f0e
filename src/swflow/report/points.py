"""How near samples are to real rows and to copies, wherever both were measured."""

from typing import NamedTuple

import pandas as pd

from swflow.metrics.names import FEATURE, PIXEL
from swflow.settings import TEST_SET

POINT = ["dataset", "teacher", "entropy", "model", "passes", "seed", "time"]


class Measures(NamedTuple):
    """What is compared of a dataset: a distance to real rows, and what it is set against."""

    distance: str
    copied: str
    coverage: str
    copied_error: str
    memorisation_a: str
    spread: str = "spread"


NAMES = ("copied", "coverage", "copied_error", "memorisation_a")
OF_ROWS = Measures("energy_test", *NAMES)
OF_IMAGES, OF_PIXELS = (
    Measures(*(of + name for name in ("frechet", *NAMES))) for of in (FEATURE, PIXEL)
)
# Where samples are compared, the space first to which nothing was fitted. Latents are rows as they
# are.
SPACES = {"pixels": OF_PIXELS, "features": OF_IMAGES, "rows": OF_ROWS}


def points_of(metrics: pd.DataFrame, of: Measures | None = None) -> pd.DataFrame:
    """Every point at which draws were compared with real rows: columns POINT and Measures.

    The distance is over its floor, the mean of all seeds. of: what is compared, of datasets that
    have it (default: images in features, other rows as they are).
    """
    found = []
    for _, own in metrics[metrics["model"] != TEST_SET].groupby("dataset"):
        has_images = (own["metric"] == OF_IMAGES.distance).any()
        measures = of or (OF_IMAGES if has_images else OF_ROWS)
        own = own[own["metric"].isin(measures) & own["label"].isna()].dropna(subset=["entropy"])
        values = own.pivot_table(index=POINT, columns="metric", values="value")
        values = values.reindex(columns=list(measures)).rename(
            columns={metric: name for name, metric in measures._asdict().items()}
        )
        # That of one seed scatters as distances do.
        values["distance"] /= own.loc[own["metric"] == measures.distance, "floor"].mean()
        found.append(values.dropna(subset=["distance"]).reset_index())
    return pd.concat(found) if found else pd.DataFrame(columns=[*POINT, *Measures._fields])
