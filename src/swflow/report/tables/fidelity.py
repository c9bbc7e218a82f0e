"""Each model against the flow, at every entropy and time."""

from collections.abc import Hashable

import numpy as np
import pandas as pd

from swflow.report.tables.common import FLOW, ROW, by_metric, mean_std, ratio
from swflow.settings import PARTICLES, TEST_SET

NEEDS = ("learned_flows",)
CAPTION = (
    "Each model against the flow, at every entropy and time. ``sw`` is the sliced Wasserstein "
    "distance of the model's draws to all particles of a run that the model never saw; ``floor`` "
    "the same for draws of another, independent run; ``ratio`` their quotient, with a bootstrap "
    "interval (of three seeds it covers about four cases out of five): 1 is perfect. ``excess`` is "
    "what remains with very many draws, in percent of the distance from source to target; ``c2st "
    "difference`` how much more often than for two runs of the flow a classifier tells the model "
    "from the flow; ``uvp`` the unexplained variance, in percent, of source points that the model "
    "never saw, beside the flow's own ``repeatability``."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Each model against the flow, at every entropy and time.

    sw, floor: √ of mean SW² over redraws and seeds; ratio: their quotient, with an interval;
    quasi, interpolated: the ratio of evenly spread draws, and of points between two source points;
    excess: √ of what SW² of many draws is above run-to-run, means over seeds, in percent of
    SW(source, target); c2st_difference: to run-to-run; uvp: of unseen pairs, percent;
    repeatability: the flow's own, the same points twice; defect: of k passes from one, percent.
    """
    models = metrics[~metrics["model"].isin([PARTICLES, TEST_SET])]
    start = start_distances(metrics)
    keys = [*ROW, "time", "trained"]
    rows, nothing = [], pd.Series(dtype=float)
    for key, group in models.dropna(subset=["time"]).groupby(keys):
        values = by_metric(group, "value")
        if "sw2" not in values:
            continue
        floors = by_metric(group, "floor")
        scale = start.get(tuple(key)[: len(FLOW)], np.nan)
        beyond = values["sw2_large"] - floors["sw2_large"]
        rows.append(
            dict(zip(keys, key, strict=True))
            | ratio(values["sw2"], floors["sw2"])
            | dict(zip(["ratio_low", "ratio_high"], ratio_interval(values, floors), strict=True))
            | {
                name: np.sqrt(values.get(f"sw2_{name}", nothing).mean() / floors["sw2"].mean())
                for name in ("quasi", "interpolated")
            }
            | {
                "excess": 100 * np.sqrt(max(0.0, beyond.mean())) / scale,
                "excess_std": (100 * beyond.clip(lower=0) ** 0.5 / scale).std(),
            }
            | mean_std("c2st_difference", values["c2st"] - floors["c2st"])
            | mean_std("uvp", values.get("uvp", nothing))
            | mean_std("repeatability", floors.get("uvp", nothing))
            | mean_std("defect", values.get("defect", nothing))
        )
    return pd.DataFrame(rows)


def ratio_interval(
    values: pd.DataFrame, floors: pd.DataFrame, draws: int = 2000
) -> tuple[float, float]:
    """Bootstrap interval of √(mean SW²/mean floor²), from 2.5 to 97.5 %.

    Of as few as three seeds it covers about four cases out of five.
    Seeds are drawn with replacement; each seed's mean over redraws is perturbed by its standard
    error, which stands for drawing redraws with replacement. values, floors: columns sw2 and
    sw2_error, a row for each seed.
    """
    rng = np.random.default_rng(0)
    seeds = rng.integers(len(values), size=(draws, len(values)))
    means = []
    for table in (values, floors):
        noise = table["sw2_error"].to_numpy()[seeds] * rng.standard_normal(seeds.shape)
        means.append((table["sw2"].to_numpy()[seeds] + noise).mean(axis=1))
    low, high = np.quantile(np.sqrt(np.maximum(means[0], 0) / means[1]), [0.025, 0.975])
    return float(low), float(high)


def start_distances(metrics: pd.DataFrame) -> dict[Hashable, float]:
    """SW(source, target) of each flow, averaged over seeds."""
    at_start = metrics[(metrics["metric"] == "sw_train") & (metrics["time"] == 0)]
    return at_start.groupby(FLOW)["value"].mean().to_dict()
