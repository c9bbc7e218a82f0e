"""A dataset, a model, a metric and a figure of another package: the very files of the docs."""

import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.pipeline import ROOT, TINY, counted, snakemake, write_config

GUIDE = (ROOT / "docs" / "extending.md").read_text()

pytestmark = pytest.mark.workflow


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip leaves it: the package, and its entry points beside it."""
    folder = tmp_path_factory.mktemp("installed")
    for text in blocks("python"):
        path = folder / re.match("# (.*)", text)[1]  # type: ignore[index]
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "mine" / "__init__.py").touch()
    (toml,) = blocks("toml")
    groups = tomllib.loads(toml)["project"]["entry-points"]
    info = folder / "mine-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    lines = []
    for group, entries in groups.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


# Other tables and figures follow metrics.csv, too; test_workflow.py makes them.
WANTED = ("results/metrics.csv", "results/figures/moments.svg")


@dataclass
class Extended:
    """A copy of what the tiny study made, run again with part of it and what is new."""

    code: Path
    run: Path

    def snakemake(self, installed: Path | None, *options: str) -> str:
        config = write_config(self.run / "study.yaml", extended())
        return snakemake(self.code, self.run, config, *options, *WANTED, installed=installed)

    def planned(self, installed: Path) -> dict[str, int]:
        return counted(self.snakemake(installed, "--dry-run"))


@pytest.fixture(scope="module")
def study(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Extended:
    run = tmp_path_factory.mktemp("extended") / "run"
    shutil.copytree(finished / "run", run, symlinks=True)
    return Extended(finished / "code", run)


def extended() -> dict[str, Any]:
    (text,) = blocks("yaml")
    new = yaml.safe_load(text.replace("flow: plane", "flow: short"))
    kept = {"dataset": "eight", "flow": "short", "models": ["map"]}
    sections = {name: TINY[name] | new[name] for name in ("datasets", "models")}
    return TINY | sections | {"experiments": [kept, *new["experiments"]]}


def test_new_kinds_metric_and_figure_run_beside_what_is_there(
    study: Extended, installed: Path
) -> None:
    results = study.run / "results"
    before = {path: path.read_bytes() for path in (results / "scores" / "eight").rglob("*.json")}
    planned = study.planned(installed)
    seeds = len(TINY["seeds"])
    flows = seeds * len(TINY["flows"]["short"]["entropies"])
    assert (planned["prepare"], planned["simulate"], planned["train"]) == (1, flows, seeds)
    # The new group of the old rows (flow, real rows and map), and all groups of the new ones.
    assert planned["score"] == 3 + 3

    study.snakemake(installed)
    metrics = pd.read_csv(results / "metrics.csv")
    own = metrics[metrics["metric"] == "mean_distance"]
    assert set(own["model"]) == {"particles", "test_set", "map", "affine"}
    assert (own["floor"] > 0).all()
    errors = metrics[(metrics["model"] == "affine") & (metrics["metric"] == "uvp")]
    assert np.isfinite(errors["value"]).all()
    assert (results / "figures" / "moments.svg").is_file()
    for path, content in before.items():
        assert path.read_bytes() == content, path
    assert study.planned(installed) == {}

    # A formula of the other package is edited: its group alone is computed again.
    moments = installed / "mine" / "moments.py"
    moments.write_text(moments.read_text().replace("np.linalg.norm(", "2 * np.linalg.norm("))
    assert set(study.planned(installed)) == {"score", "collect", "plot"}


def test_a_kind_that_is_not_installed_is_named(study: Extended) -> None:
    with pytest.raises(AssertionError, match=r"datasets.spiral.kind = 'spiral': allowed are"):
        study.snakemake(None, "--dry-run")


def test_another_workflow_uses_this_one_as_a_module(tmp_path: Path) -> None:
    """Its own rules take what ours make, from a part of its own config."""
    project, run = tmp_path / "project", tmp_path / "run"
    project.mkdir()
    config = write_config(project / "mine.yaml", {"swflow": TINY})
    (text,) = blocks("snakemake")
    text = text.replace("path/to/swflow/Snakefile", str(ROOT / "Snakefile"))
    (project / "Snakefile").write_text(text.replace("mine.yaml", str(config)))
    snakemake(project, run, config, installed=ROOT / "src")
    assert int((run / "sizes.txt").read_text().split()[0]) > 1000
    target = ["results/metrics.csv", "--dry-run"]
    plan = counted(snakemake(project, run, config, *target, installed=ROOT / "src"))
    assert plan["swflow_train"] == 10
    assert plan["swflow_prepare"] == 4  # one was made
    # Rules may be changed, as of any module.
    changed = "\n\nuse rule simulate from swflow as swflow_simulate with:\n    threads: 4\n"
    (project / "Snakefile").write_text((project / "Snakefile").read_text() + changed)
    output = snakemake(project, run, config, *target, installed=ROOT / "src")
    simulated = output.partition("rule swflow_simulate:")[2].partition("rule ")[0]
    assert "threads: 4" in simulated or "threads: 2" in simulated  # of a machine of two cores
