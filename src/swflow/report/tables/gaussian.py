"""Simulated flows between Gaussians against their closed form."""

import pandas as pd

from swflow.report.tables.common import FLOW, mean_std

NEEDS = ("gaussian",)
CAPTION = (
    "Simulated flows from an isotropic Gaussian to a Gaussian, where mean and covariance are "
    "known in closed form: the error at the stored time after the first at which it is largest "
    "over the sampling error of so many particles, which stands beside it."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Closed forms: errors where they are worst, with the sampling error there beside them."""
    names = ["mean_error", "std_error", "covariance_error"]
    found = metrics[metrics["metric"].isin(names) & (metrics["time"] > 0)]
    keys = FLOW
    over = (found["value"] / found["floor"]).groupby([found[k] for k in (*keys, "seed", "metric")])
    worst = found.loc[over.idxmax()]
    rows = []
    for key, group in worst.groupby(keys):
        row = dict(zip(keys, key, strict=True))
        for name in names:
            part = group[group["metric"] == name]
            row |= mean_std(name, part["value"]) | {f"{name}_floor": part["floor"].mean()}
        rows.append(row)
    return pd.DataFrame(rows)
