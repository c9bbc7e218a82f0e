"""Completion: images of which a part is known, completed by a flow and by its models."""

import pandas as pd

from swflow.metrics.names import SWAPPED
from swflow.report.tables.common import ROW, by_metric, column, mean_std

NEEDS = ("completed",)
CAPTION = (
    "Held-out images of which a part is known, the rest filled in at the end of the flow. "
    "``distance``: Fréchet distance of completed images to other real ones, in the features of a "
    "classifier that trained nothing else, over that of the whole images. ``agreement``: how often "
    "the classifier sees the image's own class, in percent (``real``: in the whole images). "
    "``seam``: mean difference of neighbouring pixels, one known and one not, over that of whole "
    "images. ``diversity``: deviation of the unknown pixels over source points, over that over "
    "images. Of the flow itself, whose particles hold pixels of training images, distance and seam "
    "alone. ``another image``: a control, the unknown pixels of another held-out image."
)
ANOTHER = "another image"


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Completed images at the end of the flow, mean and deviation over seeds; a control last."""
    rows = []
    for prefix, model in (("", None), (SWAPPED, ANOTHER)):
        own = metrics[metrics["metric"].str.startswith(f"{prefix}completed_")]
        own = own.assign(metric=own["metric"].str.removeprefix(prefix))
        if model is not None:  # the same beside every model and entropy of a flow
            own = own.assign(model=model, entropy=float("nan"), passes=1)
            own = own.drop_duplicates(["dataset", "teacher", "seed", "metric"])
        for key, group in own.groupby(ROW, dropna=False, sort=False):
            rows.append(dict(zip(ROW, key, strict=True)) | _columns(group))
    return pd.DataFrame(rows)


def _columns(group: pd.DataFrame) -> dict[str, float]:
    values, floors = by_metric(group, "value"), by_metric(group, "floor")

    def over_floor(name: str) -> pd.Series:
        return column(values, name) / column(floors, name)

    return (
        mean_std("distance", over_floor("completed_frechet"))
        | mean_std("agreement", 100 * column(values, "completed_agreement"))
        | mean_std("real", 100 * column(floors, "completed_agreement"))
        | mean_std("seam", over_floor("completed_seam"))
        | mean_std("diversity", column(values, "completed_diversity"))
    )
