"""What the README shows works as written."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from swflow.settings import parse_settings
from swflow.study.study import Study
from tests.pipeline import ROOT, snakemake

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_recipe_for_own_data_prepares_it_and_plans_the_rest(tmp_path: Path) -> None:
    (recipe,) = blocks("yaml")
    run = tmp_path / "run"
    (run / "data").mkdir(parents=True)
    np.save(run / "data" / "mine.npy", np.random.default_rng(0).normal(size=(200, 2)))
    (tmp_path / "mine.yaml").write_text(recipe)
    snakemake(ROOT, run, tmp_path / "mine.yaml", "results/datasets/mine.h5")
    assert (run / "results" / "datasets" / "mine.h5").is_file()
    output = snakemake(ROOT, run, tmp_path / "mine.yaml", "--dry-run")
    assert re.search(r"^simulate\s+6$", output, flags=re.MULTILINE)
    assert "eight_gaussians" not in output


def test_recipe_fits_into_the_default_study() -> None:
    (recipe,) = blocks("yaml")
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    added: dict[str, Any] = yaml.safe_load(recipe)
    merged = config | {"datasets": config["datasets"] | added["datasets"]}
    parse_settings(Study, merged | {"experiments": added["experiments"]}, "README")


def test_flow_on_own_tensors_runs() -> None:
    (code,) = (block for block in blocks("python") if "FlowSettings" in block)
    names = {"source": torch.randn(200, 2), "target": torch.randn(100, 2) + 1}
    exec("import torch, swflow\n" + code, names)
    assert names["snapshot"].time == 10  # type: ignore[attr-defined]
