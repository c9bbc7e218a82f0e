"""Images: how near decoded samples are to real ones, and to copies, beside real images."""

import math

import pandas as pd

from swflow.metrics.names import DECODED, EVEN, FEATURE, OFFICIAL, PIXEL, TRAINING
from swflow.report.tables.common import ROW, by_metric, column, half_interval, mean_std
from swflow.settings import TEST_SET

NEEDS = ("images",)
CAPTION = (
    "Images against real images that nothing was fitted to, as many of each, in the features of a "
    "classifier that saw one half of the training images and trained nothing else, and in pixels. "
    "``ratio``: Fréchet distance in features over that of other real images (``real images``), "
    "whose ratio is 1, ± the deviation over seeds; ``ratio error``: its standard error from the "
    "images of one seed and from the real ones of the floor (jackknife). ``agreement``: how often "
    "the classifier sees the class that was asked for, in percent. ``sharpness``: power of waves "
    "shorter than four pixels over that of real images. ``copied``: the part of copies of training "
    "images that would be as near to them "
    "(0 for fresh images, 1 for copies), with 95 % intervals; ``a``: how often an image is nearer "
    "to the training images than a real one is (½ for fresh images). In features both are told "
    "from the half of the training images that the classifier did not see: copies have an ``a`` "
    "of about ¾ there. ``evenly spread``: source points of a Sobol sequence instead of random "
    "ones, at the end of the flow."
)
# Rows of real images, by the prefix of their metrics; of latents also what the decoder makes.
REAL = {
    "": "real images",
    TRAINING: "training images",
    OFFICIAL: "official test images",
    DECODED: "real images, encoded and decoded",
    DECODED + TRAINING: "training images, encoded and decoded",
}
# Behind a model's name, where its source points were evenly spread.
EVENLY = ", evenly spread"
QUALITY = ("frechet", "kernel", "precision", "recall", "density", "coverage")
KEYS = [*ROW, "time"]
COPIES = ("memorisation_a", "memorisation_s", "copied")
MEASURES = {
    "class_agreement",
    "sharpness",
    *(space + name for space in (FEATURE, PIXEL) for name in (*QUALITY, *COPIES)),
}


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Images at every scored time, mean and deviation over seeds, real images first."""
    rows = []
    errors = metrics[
        (metrics["model"] == TEST_SET) & (metrics["metric"] == "feature_frechet_error")
    ]
    of_floor = errors.groupby("dataset")["value"].mean()
    for key, group in as_rows(metrics).groupby(KEYS, dropna=False, sort=False):
        values = by_metric(group, "value")
        floor = group.loc[group["metric"] == "feature_frechet", "floor"].mean()
        row = dict(zip(KEYS, key, strict=True))
        ratio = column(values, "feature_frechet") / floor
        error = float(column(values, "feature_frechet_error").mean() / floor)
        if row["model"] != REAL[""]:
            of_real = of_floor.get(row["dataset"], float("nan")) / floor
            error = math.hypot(error, float(ratio.mean() * of_real))
        row |= mean_std("ratio", ratio) | {"ratio_error": error}
        row |= mean_std("agreement", 100 * column(values, "class_agreement"))
        row |= mean_std("sharpness", column(values, "sharpness"))
        for space in (FEATURE, PIXEL):
            for name in ("copied", "memorisation_a"):
                row |= _bounded(space + name, values)
            for name in QUALITY:
                row |= mean_std(space + name, column(values, space + name))
        rows.append(row)
    return pd.DataFrame(rows)


def as_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Metrics of images; those of real images, whose metrics have a prefix, as rows of their own.

    In the order: real images, flows and models over time, evenly spread draws.
    """
    of_real = metrics["model"] == TEST_SET
    real, others = metrics[of_real], metrics[~of_real]
    fresh = real[real["metric"].isin(MEASURES)]
    floors = fresh.groupby(["dataset", "metric"])["value"].mean()
    parts = [_prefixed(real, prefix).assign(model=row) for prefix, row in REAL.items()]
    for prefix, suffix in {"": "", EVEN: EVENLY}.items():
        own = _prefixed(others, prefix).sort_values(KEYS)
        parts.append(own.assign(model=own["model"] + suffix))
    found = pd.concat(parts)
    keys = pd.MultiIndex.from_frame(found[["dataset", "metric"]])
    return found.assign(floor=floors.reindex(keys).to_numpy())


def _prefixed(metrics: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The measures with a prefix, and their errors, without it."""
    names = {prefix + name + suffix for name in MEASURES for suffix in ("", "_error")}
    own = metrics[metrics["metric"].isin(names)]
    return own.assign(metric=own["metric"].str.removeprefix(prefix))


def _bounded(name: str, values: pd.DataFrame) -> dict[str, float]:
    """The mean over seeds, with 95 % limits of it: the errors are of rows that seeds share."""
    mean = column(values, name).mean()
    half = half_interval(column(values, f"{name}_error"))
    return {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
