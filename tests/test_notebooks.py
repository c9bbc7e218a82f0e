"""The notebooks run from their first cell to their last."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.pipeline import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["first_flow", "own_images", "trained_model"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, forked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails in it would leave nothing for the next cell to read."""
    first = [Path(forked[0]).parent, Path(sys.executable).parent]
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, first), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=600, kernel_name="python3").execute()
    drawn = [of for cell in book.cells for of in cell.get("outputs", []) if "data" in of]
    assert any("image/png" in of.data for of in drawn)
