"""Check what is made of all scores: metrics, tables, figures."""

import importlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from swflow.metrics.collected import KEYS
from swflow.runtime.errors import InputError
from swflow.stages.collect import gathered
from swflow.stages.findings import DAMAGED, FOREIGN, LEFT, STALE, UNFINISHED, Finding
from swflow.study import registry


def collected(path: Path, table: pd.DataFrame, paths: Sequence[Path]) -> Iterator[Finding]:
    """Against the score files that are there."""
    try:
        scores = gathered(paths)
    except InputError:
        return  # said of the score file
    columns = [name for name in KEYS if name != "trained"]
    numbers = ["value", "floor"]
    both = table[[*columns, *numbers]].merge(
        scores[[*columns, *numbers]], on=columns, how="outer", suffixes=("", "_now")
    )
    differing = ~np.isclose(both["value"], both["value_now"], rtol=1e-9)
    differing |= ~np.isclose(both["floor"], both["floor_now"], rtol=1e-9, equal_nan=True)
    if paths and differing.any():
        first = both[differing].iloc[0]
        yield Finding(
            path,
            STALE,
            f"{int(differing.sum())} of {len(both)} values are not those of the scores, the "
            f"first {first['metric']} of {first['dataset']}/{first['teacher']}/"
            f"{first['model']}",
        )


def tabulated(path: Path, metrics: pd.DataFrame) -> Iterator[Finding]:
    """Against what today's code makes of metrics.csv."""
    if path.stem not in registry.modules("tables"):
        yield Finding(path, FOREIGN, "no table is called so", "move it elsewhere")
        return
    try:
        found = pd.read_csv(path)
        module = importlib.import_module(registry.module("tables", path.stem))
        text = module.table(metrics).to_csv(index=False)
        made = pd.read_csv(io.StringIO(text))
        pd.testing.assert_frame_equal(found, made, rtol=1e-6)
    except (AssertionError, ValueError, KeyError):
        yield Finding(
            path, STALE, "it is not what the code makes of metrics.csv", "run snakemake again"
        )


def drawn(path: Path) -> Iterator[Finding]:
    """Whether a picture can be opened."""
    readers: dict[str, Callable[[Path], object]] = {
        ".png": _whole_image,
        ".gif": _whole_image,
        ".svg": ElementTree.parse,
    }
    if path.suffix in LEFT:
        yield Finding(path, UNFINISHED, "an interrupted job left this", "run it again")
    elif path.suffix in readers:
        try:
            readers[path.suffix](path)
        except (OSError, SyntaxError, UnidentifiedImageError, ValueError) as error:
            yield Finding(path, DAMAGED, f"not a readable picture ({error})")


def _whole_image(path: Path) -> None:
    with Image.open(path) as image:
        image.load()
