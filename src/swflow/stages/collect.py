"""The collect stage: from scores and timings to metrics.csv, in its long form."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from swflow.metrics.collected import COLUMNS, long_form
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path
from swflow.store.scores import read_scores
from swflow.study.registry import floors


def collect(paths: Sequence[Path], out: Path) -> None:
    """Gather files `…/{dataset}/{teacher}/{model}/seed{seed}/{group}.json` into one table.

    Raises InputError where a file cannot be read or is none of these, or there is none.
    """
    if not paths:
        raise InputError("no score file was given: add an experiment to the config.")
    table = gathered(paths)
    with atomic_path(out) as partial:
        table.to_csv(partial, index=False)


def gathered(paths: Sequence[Path]) -> pd.DataFrame:
    """The rows of all files, with their floors."""
    return long_form((row for path in paths for row in _records(path)), floors())


def read_metrics(path: Path) -> pd.DataFrame:
    """Read metrics.csv. Raises InputError where columns are missing."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run `swflow collect`.") from error
    if missing := sorted(set(COLUMNS) - set(table)):
        raise InputError(f"{path}: columns {missing} are missing; run `swflow collect` again.")
    for name in ("value", "floor", "time", "entropy"):
        if table[name].dtype.kind not in "fiu":
            raise InputError(f"{path}: column {name} holds no numbers; run `swflow collect` again.")
    return table


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        dataset, teacher, model, folder = path.parts[-5:-1]
        seed = int(folder.removeprefix("seed"))
    except ValueError as error:
        raise InputError(
            f"{path}: not a score file …/dataset/teacher/model/seedN/group.json."
        ) from error
    of = {"dataset": dataset, "teacher": teacher, "model": model, "seed": seed}
    for row in read_scores(path):
        yield of | row


def stage_shares(folder: Path) -> str:
    """A Markdown table of the seconds in the benchmark files of each stage below `folder`.

    Raises InputError where there are none, and where one cannot be read.
    """
    seconds = {path: _seconds(path) for path in folder.rglob("*.tsv")}
    if not seconds:
        raise InputError(f"{folder}: no benchmark file; run snakemake first.")
    table = pd.DataFrame(
        {"stage": [path.relative_to(folder).parts[0] for path in seconds], "s": seconds.values()}
    )
    stages = table.groupby("stage").agg(jobs=("s", "count"), seconds=("s", "sum"))
    stages["share %"] = 100 * stages["seconds"] / stages["seconds"].sum()
    return str(stages.sort_values("seconds", ascending=False).round(1).to_markdown())


def _seconds(path: Path) -> float:
    try:
        return float(pd.read_csv(path, sep="\t")["s"].astype(float).sum())
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: no benchmark file ({error}); remove it.") from error
