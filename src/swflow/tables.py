"""Tables, made from metrics.csv alone: mean ± standard deviation over seeds."""

from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np
import pandas as pd

from swflow.files import atomic_path
from swflow.metrics.rows import AFFINE, CARRIED, IDENTITY, SHARED
from swflow.settings import PARTICLES, TEST_SET
from swflow.summary import FLOOR_ROWS

GENERATION = [
    name
    for name, row in FLOOR_ROWS.items()
    if row == TEST_SET and not name.startswith(("memorisation", "label"))
]


ROW = ["dataset", "teacher", "entropy", "model", "passes"]
FLOW = ["dataset", "teacher", "entropy"]
LARGEST_BEYOND = 0.05  # upper limits of A − ½ and S − ½ that pass
# The flow's three ways to serve samples, as rows of the cost table, by the prefix of metrics.
WAYS = {"": PARTICLES, CARRIED: f"{PARTICLES}, carried", SHARED: f"{PARTICLES}, shared"}


def fidelity_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Each model against the flow, at every entropy and time.

    sw, floor: √ of mean SW² over redraws and seeds; ratio: their quotient, with a 95 % interval;
    quasi, interpolated: the ratio of evenly spread draws, and of points between two source points;
    excess: √ of what SW² of many draws is above run-to-run, means over seeds, in percent of
    SW(source, target); c2st_difference: to run-to-run; uvp: of unseen pairs, percent;
    repeatability: the flow's own, the same points twice; defect: of k passes from one, percent.
    """
    models = metrics[~metrics["model"].isin([PARTICLES, TEST_SET])]
    start = _start_distances(metrics)
    keys = [*ROW, "time", "trained"]
    rows, nothing = [], pd.Series(dtype=float)
    for key, group in models.dropna(subset=["time"]).groupby(keys):
        values = _by_metric(group, "value")
        if "sw2" not in values:
            continue
        floors = _by_metric(group, "floor")
        scale = start.get(tuple(key)[: len(FLOW)], np.nan)
        beyond = values["sw2_large"] - floors["sw2_large"]
        rows.append(
            dict(zip(keys, key, strict=True))
            | _ratio(values["sw2"], floors["sw2"])
            | dict(zip(["ratio_low", "ratio_high"], ratio_interval(values, floors), strict=True))
            | {
                name: np.sqrt(values.get(f"sw2_{name}", nothing).mean() / floors["sw2"].mean())
                for name in ("quasi", "interpolated")
            }
            | {
                "excess": 100 * np.sqrt(max(0.0, beyond.mean())) / scale,
                "excess_std": (100 * beyond.clip(lower=0) ** 0.5 / scale).std(),
            }
            | _mean_std("c2st_difference", values["c2st"] - floors["c2st"])
            | _mean_std("uvp", values.get("uvp", nothing))
            | _mean_std("repeatability", floors.get("uvp", nothing))
            | _mean_std("defect", values.get("defect", nothing))
        )
    return pd.DataFrame(rows)


def overview_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Each model over all times and entropies that it learned from, and over the others.

    learned: which of time and entropy the rows were learned from; points: how many there are. Of
    each measure of the fidelity table the mean over points, ± its deviation over seeds, and
    worst_…: the worst point. uvp_beyond: uvp over repeatability, in points; copies: at how many
    points a limit of memorisation is above .05 where the flow's own is not. train_seconds: spent.
    """
    table = fidelity_table(metrics).merge(_copies(metrics), on=[*ROW, "time"], how="left")
    table["uvp_beyond"] = table["uvp"] - table["repeatability"]
    table["learned"] = _what_was_learned(table)
    seeds = _ratios_of_seeds(metrics).merge(table[[*ROW, "time", "learned"]])
    keys = ["dataset", "teacher", "model", "passes", "learned"]
    ratios = {tuple(key): of.groupby("seed")["ratio"].mean() for key, of in seeds.groupby(keys)}
    seconds = metrics[metrics["metric"] == "train_seconds"].groupby(keys[:3])["value"].mean()
    rows = []
    for key, group in table.groupby(keys):
        row = dict(zip(keys, key, strict=True)) | {"points": len(group)}
        row |= _mean_std("ratio", ratios[tuple(key)])
        for name in ("ratio", "quasi", "interpolated", "excess", "c2st_difference", "uvp_beyond"):
            row[f"worst_{name}"] = group[name].max()
        row["copies"] = int(group["copies"].sum())
        row |= {"excess": group["excess"].mean(), "defect": group["defect"].mean()}
        rows.append(row | {"train_seconds": seconds.get(tuple(key)[:3], np.nan)})
    return pd.DataFrame(rows)


def _copies(metrics: pd.DataFrame) -> pd.DataFrame:
    """Where a model's memorisation is beyond the limit and its flow's is not."""
    table = memorisation_table(metrics)
    own, flows = (
        (table[[f"{prefix}beyond_a", f"{prefix}beyond_s"]] > LARGEST_BEYOND).any(axis=1)
        for prefix in ("", "flow_")
    )
    return table[[*ROW, "time"]].assign(copies=own & ~flows)


def _what_was_learned(table: pd.DataFrame) -> pd.Series:
    """Whether the time, the entropy, both or neither of each row were learned from."""
    found = {}
    for name in ("time", "entropy"):
        keys = ["dataset", "teacher", "model", name]
        found[name] = table.groupby(keys)["trained"].transform("any")
    both, neither = found["time"] & found["entropy"], ~found["time"] & ~found["entropy"]
    one = found["time"].map({True: "time", False: "entropy"})
    return one.mask(both, "both").mask(neither, "neither")


def _ratios_of_seeds(metrics: pd.DataFrame) -> pd.DataFrame:
    """The ratio to the floor of each seed, at every entropy and time."""
    own = metrics[(metrics["metric"] == "sw2") & ~metrics["model"].isin([PARTICLES, TEST_SET])]
    return own.assign(ratio=np.sqrt(own["value"] / own["floor"]))[[*ROW, "time", "seed", "ratio"]]


def labels_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Control by the class, at the end of the flow.

    ratio: SW of the draws of a class to its particles over the floor, mean over classes; worst:
    of the worst class; agreement: part of the draws, in percent, that a classifier of real rows
    gives the asked class; real: of held-out rows.
    """
    own = metrics[metrics["metric"].isin(["sw2_class", "label_agreement"])]
    rows = []
    for key, group in own[own["model"] != TEST_SET].groupby(ROW):
        classes = group[group["metric"] == "sw2_class"]
        squares = classes.groupby("label")[["value", "floor"]].mean()
        ratios = np.sqrt(squares["value"] / squares["floor"])
        agreed = group[group["metric"] == "label_agreement"]
        rows.append(
            dict(zip(ROW, key, strict=True))
            | {"ratio": ratios.mean(), "worst": ratios.max()}
            | _mean_std("agreement", 100 * agreed["value"])
            | _mean_std("real", 100 * agreed["floor"])
        )
    return pd.DataFrame(rows)


def twin_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """How well the deterministic twin follows its noisy particles: SW(Z, X) beside run-to-run."""
    own = metrics[metrics["model"] == PARTICLES]
    rows = []
    keys = [*FLOW, "time"]
    for key, group in own.groupby(keys):
        values = _by_metric(group, "value")
        if "sw2_twin" in values:
            rows.append(
                dict(zip(keys, key, strict=True)) | _ratio(values["sw2_twin"], values["sw2_large"])
            )
    return pd.DataFrame(rows)


def generation_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Samples at the end of the flow against the test split; row test_set is the floor."""
    at_end = metrics[metrics["time"].isna() | (metrics["time"] == _ends(metrics))]
    return _means(at_end, [*GENERATION, "memorisation_a", "memorisation_s"])


def regularisation_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """What entropy does: distance to the test split, coverage, memorisation with 95 % intervals.

    memorisation_a, memorisation_s: ½ for fresh data (row test_set), 1 for copies in A. Intervals:
    the mean over seeds ± 1.96 bootstrap errors, which seeds share (the same rows).
    """
    metrics = metrics[metrics["time"].isna() | (metrics["time"] == _ends(metrics))]
    found = metrics[metrics["metric"] == "memorisation_a"].drop_duplicates(ROW)
    table = _means(metrics, ["sw_test", "coverage"])
    floor = metrics[metrics["metric"] == "sw_test"].groupby(ROW, dropna=False)["floor"].mean()
    table = table.merge(found[ROW], on=ROW)
    table = table.merge(floor.rename("floor").reset_index(), on=ROW)
    for name in ("memorisation_a", "memorisation_s"):
        table = table.merge(_interval(metrics, name, ROW), on=ROW)
    order = ["dataset", "model", "passes", "entropy"]
    first = [*FLOW, "model", "passes", "sw_test", "sw_test_std", "floor"]
    rest = [name for name in table if name not in first]
    return table.sort_values(order, ignore_index=True)[first + rest]


def memorisation_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Whether a row copies its training rows, at every entropy and time.

    beyond_a, beyond_s: upper 95 % limits of A − ½ and S − ½; flow_beyond_a, flow_beyond_s: those
    of the flow that a model learned. At most .05 passes.
    """
    keys = [*ROW, "time"]
    table = metrics[metrics["metric"] == "memorisation_a"][keys].drop_duplicates()
    for name in ("a", "s"):
        interval = _interval(metrics, f"memorisation_{name}", keys)
        beyond = interval[f"memorisation_{name}_high"] - 0.5
        table = table.merge(interval.assign(**{f"beyond_{name}": beyond}), on=keys)
    limits = ["beyond_a", "beyond_s"]
    flows = table[table["model"] == PARTICLES][[*FLOW, "time", *limits]]
    flows = flows.rename(columns={name: f"flow_{name}" for name in limits})
    return table.merge(flows, on=[*FLOW, "time"], how="left").sort_values(keys, ignore_index=True)


def cost_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Seconds and bytes of every way to draw samples, and SW of so few samples to the flow.

    Rows `particles`: a run of its own for the samples; `carried`: fresh points carried through a
    run of all particles; `shared`: the particles of such a run, handed out. faster_than_…: over
    each of these.
    """
    names = [
        *("simulate_seconds", "train_seconds", "seconds_per_1000", "sw_few", "evaluations"),
        *("stored_bytes", "break_even_rows", "working_set_bytes"),
    ]
    drawn = metrics[metrics["metric"].str.endswith(tuple(names)) & (metrics["model"] != TEST_SET)]
    table = _means(_as_rows(drawn), names)
    for way in WAYS.values():
        own = table[table["model"] == way].set_index(FLOW)["seconds_per_1000"]
        reference = own.reindex(pd.MultiIndex.from_frame(table[FLOW])).to_numpy()
        name = "faster_than_" + way.replace(", ", "_")
        table[name] = reference / table["seconds_per_1000"]
    return table


def quality_and_cost(metrics: pd.DataFrame) -> pd.DataFrame:
    """Columns of both tables, of each method at its smallest entropy, beside real rows.

    Of datasets that something was learned of, but not those where only the map matters.
    """
    table = generation_table(metrics).merge(cost_table(metrics), on=ROW, how="left")
    least = table.groupby(["dataset", "teacher", "model"])["entropy"].transform("min")
    table = table[table["entropy"].isna() | (table["entropy"] == least)]
    learned = set(table.loc[~table["model"].isin([PARTICLES, TEST_SET]), "dataset"])
    maps = set(metrics.loc[metrics["metric"] == "map_uvp", "dataset"])
    return table[table["dataset"].isin(learned - maps)]


def _as_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Metrics of the stored run (with a prefix) as rows of their own, with what is common."""
    parts = []
    for prefix, row in WAYS.items():
        if not prefix:
            other = metrics["metric"].str.startswith((CARRIED, SHARED))
            parts.append(metrics[~other])
            continue
        own = metrics[metrics["metric"].str.startswith(prefix)]
        common = metrics[
            (metrics["model"] == PARTICLES)
            & metrics["metric"].isin(["simulate_seconds", "stored_bytes", "working_set_bytes"])
        ]
        own = own.assign(metric=own["metric"].str.removeprefix(prefix))
        parts.append(pd.concat([own, common]).assign(model=row))
    return pd.concat(parts)


def _ends(metrics: pd.DataFrame) -> pd.Series:
    """The last time of each row's flow."""
    return metrics.groupby(FLOW, dropna=False)["time"].transform("max")


def _interval(metrics: pd.DataFrame, name: str, keys: list[str]) -> pd.DataFrame:
    """Columns `name`, `name`_low, `name`_high for each row that has these keys."""
    both = metrics[metrics["metric"].isin([name, f"{name}_error"])].copy()
    both["value"] = both["value"].where(both["metric"] == name, both["value"] ** 2)
    means = both.groupby([*keys, "metric"], dropna=False)["value"].mean().unstack().reset_index()
    half = 1.96 * np.sqrt(means[f"{name}_error"])
    bounds = {f"{name}_low": means[name] - half, f"{name}_high": means[name] + half}
    return means[[*keys, name]].assign(**bounds)


def _ratio(values: pd.Series, floors: pd.Series) -> dict[str, float]:
    """√ of mean squared distances and floors, and their quotient."""
    return {
        "sw": np.sqrt(values.mean()),
        "sw_std": np.sqrt(values).std(),
        "floor": np.sqrt(floors.mean()),
        "floor_std": np.sqrt(floors).std(),
        "ratio": np.sqrt(values.mean() / floors.mean()),
    }


def gaussian_table(metrics: pd.DataFrame) -> pd.DataFrame:
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
            row |= _mean_std(name, part["value"]) | {f"{name}_floor": part["floor"].mean()}
        rows.append(row)
    return pd.DataFrame(rows)


def optimal_map_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Where source points are carried, against the optimal map.

    map_uvp: L2-UVP, percent; map_cosine: of the two displacements; the same of the identity and of
    the best affine map; train_seconds: spent.
    """
    names = [
        *("map_uvp", "map_cosine", f"{IDENTITY}map_uvp"),
        *(f"{AFFINE}map_uvp", f"{AFFINE}map_cosine"),
    ]
    table = _means(metrics, [*names, "train_seconds"])
    return table.dropna(subset=["map_uvp"]).drop(columns=[f"{IDENTITY}map_uvp_std"])


TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "overview": overview_table,
    "fidelity": fidelity_table,
    "labels": labels_table,
    "generation": generation_table,
    "regularisation": regularisation_table,
    "memorisation": memorisation_table,
    "twin": twin_table,
    "cost": cost_table,
    "gaussian": gaussian_table,
    "optimal_map": optimal_map_table,
}


def write_table(table: pd.DataFrame, folder: Path, name: str) -> None:
    """Write `name`.csv (plain numbers), .md, .tex and .html (mean ± standard deviation)."""
    shown = readable(table)
    texts = {
        "csv": table.to_csv(index=False),
        "md": shown.to_markdown(index=False, disable_numparse=True) + "\n",
        "html": _page(name, shown),
        "tex": shown.style.hide(axis="index").format(escape="latex").to_latex(hrules=True),
    }
    for suffix, text in texts.items():
        with atomic_path(folder / f"{name}.{suffix}") as partial:
            partial.write_text(text)


def _page(name: str, shown: pd.DataFrame) -> str:
    """A page of its own, for the report."""
    body = shown.to_html(index=False, border=0, justify="left")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>'
        "body{font:14px system-ui,sans-serif}table{border-collapse:collapse}"
        "th,td{padding:.3em .8em;text-align:left;white-space:nowrap;"
        "border-bottom:1px solid #ccc}th{position:sticky;top:0;background:#fff}"
        f"</style></head><body>{body}</body></html>\n"
    )


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
    return at_start.groupby(FLOW)["value"].mean().to_dict()


def _by_metric(group: pd.DataFrame, column: str) -> pd.DataFrame:
    return group.pivot_table(index="seed", columns="metric", values=column)


def _means(metrics: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row for each dataset, flow, entropy, model and passes; mean and deviation over seeds."""
    found = metrics[metrics["metric"].isin(names)]
    rows = []
    for key, group in found.groupby(ROW, dropna=False):
        values = _by_metric(group, "value")
        row = dict(zip(ROW, key, strict=True))
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
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
