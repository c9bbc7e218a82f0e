"""Simulated flows between Gaussians against their closed form."""

import pandas as pd

from swflow.report.tables.common import FLOW, mean_std

NEEDS = ("gaussian",)
CAPTION = (
    "Simulated flows from an isotropic Gaussian to a Gaussian, where mean and covariance are "
    "known in closed form: the largest error over the stored times, with the sampling error "
    "of so many particles beside it."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Closed forms: largest error over the stored times, with the sampling error beside it."""
    names = ["mean_error", "std_error", "covariance_error"]
    found = metrics[metrics["metric"].isin(names)]
    keys = FLOW
    worst = found.groupby([*keys, "seed", "metric"])[["value", "floor"]].max().reset_index()
    rows = []
    for key, group in worst.groupby(keys):
        row = dict(zip(keys, key, strict=True))
        for name in names:
            part = group[group["metric"] == name]
            row |= mean_std(name, part["value"]) | {f"{name}_floor": part["floor"].mean()}
        rows.append(row)
    return pd.DataFrame(rows)
