"""What tables share: rows, means over seeds, intervals, and numbers as people read them."""

import numpy as np
import pandas as pd

ROW = ["dataset", "teacher", "entropy", "model", "passes"]
FLOW = ["dataset", "teacher", "entropy"]
ROUNDING = 1e-12  # what is left of numbers that cancel


def by_metric(group: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row for each seed, a column for each metric."""
    return group.pivot_table(index="seed", columns="metric", values=column)


def means(metrics: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row for each dataset, flow, entropy, model and passes; mean and deviation over seeds."""
    found = metrics[metrics["metric"].isin(names)]
    rows = []
    for key, group in found.groupby(ROW, dropna=False):
        values = by_metric(group, "value")
        row = dict(zip(ROW, key, strict=True))
        for name in names:
            row |= mean_std(name, column(values, name))
        rows.append(row)
    return pd.DataFrame(rows)


def column(values: pd.DataFrame, name: str) -> pd.Series:
    """A metric's values over seeds, of what `by_metric` gives; none where it was not measured."""
    return values[name] if name in values else pd.Series(dtype=float)


def mean_std(name: str, values: pd.Series) -> dict[str, float]:
    """Mean and standard deviation of values over seeds, as columns `name` and `name_std`."""
    return {name: values.mean(), f"{name}_std": values.std()}


def ends(metrics: pd.DataFrame) -> pd.Series:
    """The last time of each row's flow."""
    return metrics.groupby(FLOW, dropna=False)["time"].transform("max")


def interval(metrics: pd.DataFrame, name: str, keys: list[str]) -> pd.DataFrame:
    """Columns `name`, `name`_low, `name`_high for each row that has these keys."""
    both = metrics[metrics["metric"].isin([name, f"{name}_error"])].copy()
    both["value"] = both["value"].where(both["metric"] == name, both["value"] ** 2)
    means = both.groupby([*keys, "metric"], dropna=False)["value"].mean().unstack().reset_index()
    half = 1.96 * np.sqrt(means[f"{name}_error"])
    bounds = {f"{name}_low": means[name] - half, f"{name}_high": means[name] + half}
    return means[[*keys, name]].assign(**bounds)


def half_interval(errors: pd.Series) -> float:
    """Half of the 95 % interval of a mean over seeds, whose errors are of rows that they share."""
    return float(1.96 * (errors**2).mean() ** 0.5)


def ratio(values: pd.Series, floors: pd.Series) -> dict[str, float]:
    """√ of mean squared distances and floors, and their quotient."""
    return {
        "sw": np.sqrt(values.mean()),
        "sw_std": np.sqrt(values).std(),
        "floor": np.sqrt(floors.mean()),
        "floor_std": np.sqrt(floors).std(),
        "ratio": np.sqrt(values.mean() / floors.mean()),
    }


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Columns `x`, `x_std` become `mean ± std`; `x_low`, `x_high` an interval behind x."""
    shown = pd.DataFrame(index=table.index)
    for name in map(str, table.columns):
        if name.endswith(("_std", "_low", "_high")):
            continue
        text = table[name].map(_number)
        if f"{name}_std" in table:
            text += _deviations(table[name], table[f"{name}_std"])
        if f"{name}_low" in table:
            bounds = table[f"{name}_low"].map(_number) + ", " + table[f"{name}_high"].map(_number)
            text += " [" + bounds + "]"
        shown[name.replace("_", " ")] = text
    return shown


def _deviations(means: pd.Series, deviations: pd.Series) -> pd.Series:
    """` ± x`, or nothing where all seeds agree (to rounding) or there is one alone."""
    agree = deviations.isna() | (deviations <= 1e-9 * means.abs())
    return deviations.map(lambda value: f" ± {_number(value)}").mask(agree, "")


def _number(value: object) -> str:
    if isinstance(value, float):
        if np.isnan(value):
            return "–"
        if abs(value) < ROUNDING:
            return "0"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
