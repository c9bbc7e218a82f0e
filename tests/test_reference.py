"""Committed results: tables and figures are what today's code makes of committed scores."""

import importlib
import re
import runpy
from pathlib import Path

import pandas as pd
import pytest

from swflow.report.figures.common import MOST_LINES
from swflow.stages.collect import read_metrics
from swflow.stages.figures import drawn, write_figure
from swflow.study import registry
from swflow.study.configs import merged
from tests.pipeline import ROOT

REFERENCE = ROOT / "results" / "reference"
STUDIES = sorted(path.parent.name for path in REFERENCE.glob("*/metrics.csv.gz"))


def committed(study: str, files: str) -> tuple[pd.DataFrame, list[Path]]:
    """A study's scores, and what was made of them."""
    paths = sorted((REFERENCE / study).glob(files))
    assert paths
    return read_metrics(REFERENCE / study / "metrics.csv.gz"), paths


@pytest.mark.parametrize("study", STUDIES)
def test_committed_tables_are_what_the_code_makes(study: str, tmp_path: Path) -> None:
    """But for the last digits: bootstraps are seeded, sums are of another order elsewhere."""
    metrics, paths = committed(study, "tables/*.csv")
    for path in paths:
        made = importlib.import_module(registry.module("tables", path.stem)).table(metrics)
        made.to_csv(tmp_path / "made.csv", index=False)
        found, expected = pd.read_csv(tmp_path / "made.csv"), pd.read_csv(path)
        pd.testing.assert_frame_equal(found, expected, rtol=1e-6, obj=f"{study}: {path.name}")


def names(study: str) -> dict[str, str]:
    """What figures of a study call presets, by the configs that its own one begins with."""
    configs = [ROOT / "config.yaml"]
    if study != "default":
        said = (ROOT / "workflow" / "configs" / f"{study}.yaml").read_text()
        named = re.findall(r"workflow/configs/\w+\.yaml", said.partition("\n\n")[0])
        configs += [ROOT / path for path in named]
    found: dict[str, str] = merged(configs)["names"]
    return found


@pytest.mark.parametrize("study", STUDIES)
def test_committed_figures_are_what_the_code_draws(study: str, tmp_path: Path) -> None:
    """To the byte, with the pinned versions: a drawing that differs was made by other code."""
    metrics, paths = committed(study, "figures/*.svg")
    for path in paths:
        figure = drawn(metrics, path.stem, names(study))
        for axes in figure.axes:
            curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
            assert len(curves) <= MOST_LINES, path
        write_figure(figure, tmp_path / path.stem)
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_default_study_is_among_them() -> None:
    assert "default" in STUDIES


def test_every_study_has_its_place_on_a_page() -> None:
    """Else `make reference-NAME` would stop once it has copied the study's files."""
    copying = runpy.run_path(str(ROOT / "workflow" / "reference.py"))
    pages = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    wanted = {f"{study}-{table}" for study, of in copying["STUDY_TABLES"].items() for table in of}
    wanted |= {"latent-pixels", *copying["BENCHMARKS"]}
    assert {"default", *copying["STUDY_TABLES"]} == set(copying["COMMANDS"])
    assert {name: pages.count(f"<!-- {name} -->") for name in wanted} == dict.fromkeys(wanted, 1)
