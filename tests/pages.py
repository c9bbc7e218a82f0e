"""Pages of what runs beside the tests, for results/reference/benchmarks."""

from pathlib import Path

import pandas as pd

from swflow.runtime.provenance import machine


def write_page(out: Path, title: str, command: str, table: pd.DataFrame) -> None:
    """A table with what made it, and where."""
    text = table.to_markdown(index=False, disable_numparse=True)
    out.write_text(f"# {title}\n\nMade by `{command}`.\n\n- machine: {machine()}\n\n{text}\n")
