"""code_version: what counts as a change of code, and what does not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from swflow.provenance import code_version

SOURCE = Path(__file__).parents[1] / "src"


def versions_in(root: Path, *modules: str) -> list[str]:
    """The versions as a fresh process sees them, with the package below `root`."""
    code = f"from swflow.provenance import code_version as v\nfor m in {modules!r}: print(v(m))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.split()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(SOURCE / "swflow", tmp_path / "swflow")
    return tmp_path


MODULES = ("swflow.flow", "swflow.scoring", "swflow.datasets.make", "swflow.models.flow_map")


def test_comments_and_docstrings_do_not_count(copy: Path) -> None:
    before = versions_in(copy, *MODULES)
    path = copy / "swflow" / "sliced" / "distance.py"
    text = path.read_text().replace('"""Sliced Wasserstein', '"""Something else')
    text = text.replace("    positive = mean > 0\n", "    # why\n\n    positive = (mean > 0)\n")
    path.write_text("# a comment\n" + text)
    assert versions_in(copy, *MODULES) == before


def test_settings_do_not_count(copy: Path) -> None:
    before = versions_in(copy, *MODULES)
    with (copy / "swflow" / "settings" / "models.py").open("a") as file:
        file.write("\nNEW_DEFAULT = 1\n")
    assert versions_in(copy, *MODULES) == before


def test_code_counts_where_it_is_imported_and_nowhere_else(copy: Path) -> None:
    before = versions_in(copy, *MODULES)
    with (copy / "swflow" / "sliced" / "sorting.py").open("a") as file:
        file.write("\nNEW = 1\n")
    flow, scoring, datasets, flow_map = versions_in(copy, *MODULES)
    assert flow != before[0]
    assert scoring != before[1]
    assert datasets == before[2]
    with (copy / "swflow" / "networks" / "mlp.py").open("a") as file:
        file.write("\nNEW = 1\n")
    again = versions_in(copy, *MODULES)
    assert again[:3] == [flow, scoring, datasets]
    assert again[3] != flow_map


def test_several_modules_are_one_version() -> None:
    assert code_version("swflow.flow", "swflow.sliced") == code_version("swflow.flow")
    assert code_version("swflow.units") != code_version("swflow.flow")


def test_unknown_module_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        code_version("swflow.nothing")
