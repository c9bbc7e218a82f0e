"""From scores to metrics.csv: the long form that every table and numeric figure is made from."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.settings import PARTICLES, TEST_SET

COLUMNS = [
    *("dataset", "teacher", "model", "seed", "entropy", "time", "passes", "label", "trained"),
    *("metric", "value", "floor", "n"),
]
# Whose score is the floor of a metric: what a perfect answer would score with the same sizes.
FLOOR_ROWS = {
    **dict.fromkeys(["sw2", "sw2_error", "sw2_large", "c2st", "uvp"], PARTICLES),
    **dict.fromkeys(
        ["sw_test", "w2_test", "energy_test", "precision", "recall", "density", "coverage"],
        TEST_SET,
    ),
    **dict.fromkeys(["c2st_test", "label_agreement"], TEST_SET),
    "sw2_class": PARTICLES,
    **dict.fromkeys(["memorisation_a", "memorisation_s"], TEST_SET),
}
# Times and entropies of rows that have none are missing on both sides of a join.
FLOOR_KEYS = {
    PARTICLES: ["dataset", "teacher", "seed", "metric", "entropy", "time", "label"],
    TEST_SET: ["dataset", "seed", "metric"],
}


def collect(scores: Sequence[Path]) -> pd.DataFrame:
    """Read score files `…/{dataset}/{teacher}/{model}/seed{seed}.json` into one long table.

    Raises InputError where a file cannot be read, or no row is found.
    """
    frames = [_read_score(path) for path in scores]
    if not frames:
        raise InputError("no score file was given: add an experiment to the config.")
    table = pd.concat(frames, ignore_index=True)
    for row, keys in FLOOR_KEYS.items():
        table = _with_floors(table, row, keys)
    return table[COLUMNS].sort_values(COLUMNS[:10], ignore_index=True)


def write_metrics(table: pd.DataFrame, out: Path) -> None:
    """Write metrics.csv."""
    with atomic_path(out) as partial:
        table.to_csv(partial, index=False)


def read_metrics(path: Path) -> pd.DataFrame:
    """Read metrics.csv. Raises InputError where columns are missing."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run `swflow collect`.") from error
    if missing := sorted(set(COLUMNS) - set(table)):
        raise InputError(f"{path}: columns {missing} are missing; run `swflow collect` again.")
    return table


def _read_score(path: Path) -> pd.DataFrame:
    try:
        frame = pd.DataFrame(json.loads(path.read_text()))
        dataset, teacher, model = path.parts[-4:-1]
        seed = int(path.stem.removeprefix("seed"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not a score file …/dataset/teacher/model/seedN.json ({error})."
        ) from error
    return frame.assign(dataset=dataset, teacher=teacher, model=model, seed=seed).astype(
        dict.fromkeys(["entropy", "time", "label", "value", "floor"], float)
    )


def _with_floors(table: pd.DataFrame, row: str, keys: list[str]) -> pd.DataFrame:
    """Fill the floors of the metrics whose floor is the score of `row`."""
    wanted = [metric for metric, owner in FLOOR_ROWS.items() if owner == row]
    source = table[(table["model"] == row) & table["metric"].isin(wanted)]
    found = table.merge(
        source[[*keys, "value"]].rename(columns={"value": "found"}), on=keys, how="left"
    )["found"]
    return table.assign(floor=table["floor"].fillna(pd.Series(found.to_numpy(), table.index)))


def stage_shares(folder: Path) -> str:
    """A Markdown table of the seconds in the benchmark files of each stage below `folder`.

    Raises InputError where there are none.
    """
    seconds = {
        path: float(pd.read_csv(path, sep="\t")["s"].sum()) for path in folder.rglob("*.tsv")
    }
    if not seconds:
        raise InputError(f"{folder}: no benchmark file; run snakemake first.")
    table = pd.DataFrame(
        {"stage": [path.relative_to(folder).parts[0] for path in seconds], "s": seconds.values()}
    )
    stages = table.groupby("stage").agg(jobs=("s", "count"), seconds=("s", "sum"))
    stages["share %"] = 100 * stages["seconds"] / stages["seconds"].sum()
    return str(stages.sort_values("seconds", ascending=False).round(1).to_markdown())
