"""Committed results: tables and figures are what today's code makes of committed scores."""

import importlib
import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import standing

import reference
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
    """What figures of a study call presets."""
    found: dict[str, str] = merged(standing.configs(study))["names"]
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
    pages = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    wanted = {f"{study}-{table}" for study, of in reference.STUDY_TABLES.items() for table in of}
    wanted |= {"latent-pixels", *reference.BENCHMARKS}
    assert {"default", *reference.STUDY_TABLES} == set(reference.COMMANDS)
    assert {name: pages.count(f"<!-- {name} -->") for name in wanted} == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize("study", [path.parent.name for path in REFERENCE.glob("*/tables")])
def test_what_computed_a_study_is_kept(study: str) -> None:
    kept = json.loads((REFERENCE / study / "code.json").read_text())
    assert date.fromisoformat(kept["computed"]) <= date.today()
    for digests in (kept["digests"], standing.digests(study)):
        assert {"datasets", "simulations", "samples", "scores: fidelity"} <= digests.keys()
    assert kept["computed"] in standing.standing(study)


def test_what_changed_since_is_named() -> None:
    kept = {"samples": ["a", "b"], "scores: cost": ["c"], "scores: closed_forms": ["d"]}
    assert standing.changed(kept, kept) == ""
    assert standing.changed(kept, kept | {"samples": ["a", "b", "of a new preset"]}) == ""
    assert standing.changed(kept, kept | {"samples": ["a"]}) == "samples"
    assert standing.changed(kept, kept | {"scores: closed_forms": ["e"]}) == "scores (closed forms)"
    assert standing.changed(kept, {"samples": ["a", "b"]}) == "scores"
