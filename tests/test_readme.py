"""What the README and its pages show works as written, and the README stays short."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from swflow.settings import parse_settings
from swflow.study.study import Study
from tests.pipeline import ROOT, counted, snakemake, write_config

PAGES = [(ROOT / name).read_text() for name in ("README.md", "docs/start.md", "docs/images.md")]
README, START, _ = PAGES
MOST_LINES = 130
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
MODEL = Path("results/models/clothes_48/images/flow_map_wide/seed0")


def blocks(page: str, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    return [text for of, text in found if of == language]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the default study's network of clothes, made by hardly any training."""
    folder = tmp_path_factory.mktemp("readme")
    datasets, flows, models = CONFIG["datasets"], CONFIG["flows"], CONFIG["models"]
    few = {"steps": 2, "batch_size": 8}
    latent = datasets["clothes_48"] | {"training": few, "critic": {"training": few}}
    small = {
        "datasets": {"clothes": datasets["clothes"] | {"n_train": 300}, "clothes_48": latent},
        "flows": {"images": flows["images"] | {"n_particles": 100, "n_tracers": 10}},
        "models": {"flow_map_wide": models["flow_map_wide"] | {"training": few}},
        "experiments": [],
    }
    config = write_config(folder / "small.yaml", small)
    snakemake(ROOT, folder, config, str(MODEL))
    return folder


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_shell_blocks_do_what_they_say(study: Path) -> None:
    """Commands of swflow are run; of Snakemake planned; the environment is the tests' own."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    lines = [line for block in blocks(README, "") for line in block.splitlines()]
    told = [shlex.split(line) for line in lines]
    assert {words[0] for words in told} == {"pip", "snakemake", "swflow"}
    for words in told:
        if words[0] == "swflow":
            subprocess.run(words, cwd=study, env=environment, check=True)
            assert (study / words[words.index("--out") + 1]).is_file()
    assert ["snakemake", "--cores", "8"] in told
    output = snakemake(ROOT, study / "planned", ROOT / "config.yaml", "--dry-run")
    assert counted(output)["train"] == 15


def test_the_python_block_runs(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(README, "python")
    monkeypatch.chdir(study)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["images"].shape == (16, 28, 28)
    assert names["sneakers"].shape == (16, 28, 28)
    assert len(names["even"]) == 1024


def test_python_of_getting_started_runs(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    names: dict[str, Any] = {
        "source": torch.randn(200, 2),
        "target": torch.randn(100, 2) + 1,
    }
    for code in blocks(START, "python"):
        exec(code, names)
    assert names["z"].shape == (5, 48)
    assert names["snapshot"].time == 10


def test_recipe_for_own_images_prepares_them_and_plans_the_rest(tmp_path: Path) -> None:
    (recipe,) = blocks(README, "yaml")
    run = tmp_path / "run"
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (run / "data" / "mine" / name).mkdir(parents=True)
        for number in range(40):
            pixels = rng.integers(0, 255, (40, 36, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(run / "data" / "mine" / name / f"{number}.png")
    (tmp_path / "mine.yaml").write_text(recipe)
    snakemake(ROOT, run, tmp_path / "mine.yaml", "results/datasets/mine.h5")
    assert (run / "results" / "datasets" / "mine.h5").is_file()
    plan = counted(snakemake(ROOT, run, tmp_path / "mine.yaml", "--dry-run"))
    assert plan["train_autoencoder"] == plan["train_features"] == 1
    assert plan["train"] == 3


def test_recipe_for_own_data_prepares_it_and_plans_the_rest(tmp_path: Path) -> None:
    (recipe,) = blocks(START, "yaml")
    run = tmp_path / "run"
    (run / "data").mkdir(parents=True)
    np.save(run / "data" / "mine.npy", np.random.default_rng(0).normal(size=(200, 2)))
    (tmp_path / "mine.yaml").write_text(recipe)
    snakemake(ROOT, run, tmp_path / "mine.yaml", "results/datasets/mine.h5")
    assert (run / "results" / "datasets" / "mine.h5").is_file()
    output = snakemake(ROOT, run, tmp_path / "mine.yaml", "--dry-run")
    assert re.search(r"^simulate\s+6$", output, flags=re.MULTILINE)
    assert "eight_gaussians" not in output


@pytest.mark.parametrize("recipe", [text for page in PAGES for text in blocks(page, "yaml")])
def test_recipes_are_studies_beside_the_default_presets(recipe: str) -> None:
    added: dict[str, Any] = yaml.safe_load(recipe)
    merged = {
        name: CONFIG.get(name, {}) | of for name, of in added.items() if name != "experiments"
    }
    parse_settings(Study, CONFIG | merged | {"experiments": added["experiments"]}, "recipe")
