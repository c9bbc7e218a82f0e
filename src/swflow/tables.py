"""Tables, made from metrics.csv alone: mean ± standard deviation over seeds."""

from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np
import pandas as pd

from swflow.files import atomic_path
from swflow.settings import PARTICLES, TEST_SET
from swflow.summary import FLOOR_ROWS


def fidelity_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Each model against the flow, at every entropy and time.

    sw, floor: √ of mean SW² over redraws and seeds; ratio: their quotient, with a 95 % interval;
    excess: of many draws over run-to-run, in percent of SW(source, target); c2st_difference: to
    run-to-run; uvp: of unseen pairs, percent; repeatability: the flow's own, the same points twice.
    """
    models = metrics[~metrics["model"].isin([PARTICLES, TEST_SET])]
    start = _start_distances(metrics)
    keys = ["dataset", "teacher", "entropy", "model", "time"]
    rows, nothing = [], pd.Series(dtype=float)
    for key, group in models.dropna(subset=["time"]).groupby(keys):
        values = _by_metric(group, "value")
        if "sw2" not in values:
            continue
        floors = _by_metric(group, "floor")
        low, high = ratio_interval(values, floors)
        scale = start.get(tuple(key)[:3], np.nan)
        beyond = (values["sw2_large"] - floors["sw2_large"]).clip(lower=0)
        rows.append(
            dict(zip(keys, key, strict=True))
            | {
                "sw": np.sqrt(values["sw2"].mean()),
                "sw_std": np.sqrt(values["sw2"]).std(),
                "floor": np.sqrt(floors["sw2"].mean()),
                "floor_std": np.sqrt(floors["sw2"]).std(),
                "ratio": np.sqrt(values["sw2"].mean() / floors["sw2"].mean()),
                "ratio_low": low,
                "ratio_high": high,
            }
            | _mean_std("excess", 100 * beyond**0.5 / scale)
            | _mean_std("c2st_difference", values["c2st"] - floors["c2st"])
            | _mean_std("uvp", values.get("uvp", nothing))
            | _mean_std("repeatability", floors.get("uvp", nothing))
        )
    return pd.DataFrame(rows)


def generation_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Samples at the end of the flow against the test split; row test_set is the floor."""
    names = [metric for metric, row in FLOOR_ROWS.items() if row == TEST_SET]
    return _means(metrics, names)


def cost_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Seconds and bytes; speed_up: over running the flow with as many fresh particles."""
    names = ["simulate_seconds", "train_seconds", "seconds_per_1000", "evaluations", "stored_bytes"]
    table = _means(metrics[metrics["model"] != TEST_SET], names)
    own = ["dataset", "teacher", "entropy"]
    flow = table[table["model"] == PARTICLES].set_index(own)["seconds_per_1000"]
    reference = flow.reindex(pd.MultiIndex.from_frame(table[own])).to_numpy()
    table["speed_up"] = reference / table["seconds_per_1000"]
    return table


def gaussian_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Closed forms: largest error over the stored times, with the sampling error beside it."""
    names = ["mean_error", "std_error", "covariance_error"]
    found = metrics[metrics["metric"].isin(names)]
    keys = ["dataset", "teacher", "entropy"]
    worst = found.groupby([*keys, "seed", "metric"])[["value", "floor"]].max().reset_index()
    rows = []
    for key, group in worst.groupby(keys):
        row = dict(zip(keys, key, strict=True))
        for name in names:
            part = group[group["metric"] == name]
            row |= _mean_std(name, part["value"]) | {f"{name}_floor": part["floor"].mean()}
        rows.append(row)
    return pd.DataFrame(rows)


TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "fidelity": fidelity_table,
    "generation": generation_table,
    "cost": cost_table,
    "gaussian": gaussian_table,
}


def write_table(table: pd.DataFrame, folder: Path, name: str) -> None:
    """Write `name`.csv (plain numbers), .md and .tex (mean ± standard deviation)."""
    shown = readable(table)
    texts = {
        "csv": table.to_csv(index=False),
        "md": shown.to_markdown(index=False, disable_numparse=True) + "\n",
        "tex": shown.style.hide(axis="index").format(escape="latex").to_latex(hrules=True),
    }
    for suffix, text in texts.items():
        with atomic_path(folder / f"{name}.{suffix}") as partial:
            partial.write_text(text)


def ratio_interval(
    values: pd.DataFrame, floors: pd.DataFrame, draws: int = 2000
) -> tuple[float, float]:
    """95 % bootstrap interval of √(mean SW²/mean floor²).

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


def _start_distances(metrics: pd.DataFrame) -> dict[Hashable, float]:
    """SW(source, target) of each flow, averaged over seeds."""
    at_start = metrics[(metrics["metric"] == "sw_train") & (metrics["time"] == 0)]
    return at_start.groupby(["dataset", "teacher", "entropy"])["value"].mean().to_dict()


def _by_metric(group: pd.DataFrame, column: str) -> pd.DataFrame:
    return group.pivot_table(index="seed", columns="metric", values=column)


def _means(metrics: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row for each dataset, flow, entropy and model; mean and deviation over seeds."""
    found = metrics[metrics["metric"].isin(names)]
    rows = []
    keys = ["dataset", "teacher", "entropy", "model"]
    for key, group in found.groupby(keys, dropna=False):
        values = _by_metric(group, "value")
        row = dict(zip(keys, key, strict=True))
        for name in names:
            row |= _mean_std(name, values[name] if name in values else pd.Series(dtype=float))
        rows.append(row)
    return pd.DataFrame(rows)


def _mean_std(name: str, values: pd.Series) -> dict[str, float]:
    return {name: values.mean(), f"{name}_std": values.std()}


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Columns `x`, `x_std` become `mean ± std`; `x_low`, `x_high` an interval behind x."""
    shown = pd.DataFrame(index=table.index)
    for name in map(str, table.columns):
        if name.endswith(("_std", "_low", "_high")):
            continue
        text = table[name].map(_number)
        if f"{name}_std" in table:
            text += table[f"{name}_std"].map(lambda v: "" if pd.isna(v) else f" ± {_number(v)}")
        if f"{name}_low" in table:
            bounds = table[f"{name}_low"].map(_number) + ", " + table[f"{name}_high"].map(_number)
            text += " [" + bounds + "]"
        shown[name.replace("_", " ")] = text
    return shown


def _number(value: object) -> str:
    if isinstance(value, float):
        if np.isnan(value):
            return "–"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
