"""The tabulate stage: a table as CSV, Markdown, HTML and LaTeX."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from swflow.report.tables.common import readable
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path
from swflow.study import registry


def tabulate(metrics: pd.DataFrame, name: str, folder: Path) -> None:
    """Make one table and write its files. Raises InputError as `made_of`."""
    with made_of("tables", name) as module:
        table = module.table(metrics)
    write_table(table, folder, name)


@contextmanager
def made_of(room: str, name: str) -> Iterator[Any]:
    """The module of a table or figure, to make it of metrics.

    Raises InputError for an unknown name, and where the metrics lack what it is made of.
    """
    module = importlib.import_module(registry.module(room, name))
    try:
        yield module
    except KeyError as error:
        raise InputError(
            f"{name}: the metrics hold no {error}, which it is made of; scores of this study do "
            "not fill it."
        ) from error


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
