"""The plot stage: numeric figures as SVG and PNG."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from swflow.report.names import NO_NAMES, Names, renamed
from swflow.runtime.files import atomic_path
from swflow.stages.tabulate import made_of


def plot(metrics: pd.DataFrame, name: str, folder: Path, names: Names = NO_NAMES) -> None:
    """Draw one figure and write its files; names: what it calls presets.

    Raises InputError as `made_of`.
    """
    write_figure(drawn(metrics, name, names), folder / name)


def drawn(metrics: pd.DataFrame, name: str, names: Names = NO_NAMES) -> Figure:
    """One figure; see `plot`."""
    with made_of("figures", name) as module:
        figure: Figure = module.figure(renamed(metrics, names))
    return figure


def write_figure(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.svg."""
    for suffix in ("png", "svg"):
        save_figure(figure, stem.with_name(f"{stem.name}.{suffix}"))


def save_figure(figure: Figure, out: Path) -> None:
    """Write one file in the format of its ending, and close the figure.

    Without a date or random names inside: the same figure is the same bytes.
    """
    kind = out.suffix[1:]
    metadata = {"Date": None} if kind == "svg" else None
    with atomic_path(out) as partial, plt.rc_context({"svg.hashsalt": out.stem}):
        figure.savefig(partial, format=kind, bbox_inches="tight", dpi=150, metadata=metadata)
    plt.close(figure)
