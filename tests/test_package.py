"""What is built for others: an sdist that makes a wheel, and a wheel that works by itself."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.pipeline import ROOT

BUILD = "from setuptools import build_meta as of; print(of.build_{kind}({out!r}))"
FILES = ("pyproject.toml", "README.md", "LICENSE")


def build(project: Path, kind: str, out: Path) -> Path:
    """Build with what is installed here: no other environment, no network."""
    command = [sys.executable, "-c", BUILD.format(kind=kind, out=str(out))]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return out / run.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel that is made of the sdist, and nothing else."""
    folder = tmp_path_factory.mktemp("package")
    project = folder / "project"
    project.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in FILES:
        shutil.copy(ROOT / name, project)
    shutil.copytree(ROOT / "src", project / "src", ignore=ignored)
    with tarfile.open(build(project, "sdist", folder)) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    wheel = build(unpacked, "wheel", folder)
    target = ["--target", str(folder / "installed")]
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", *target, str(wheel)]
    subprocess.run(command, check=True)
    return folder / "installed"


def python(installed: Path, cwd: Path, *words: str) -> str:
    """What Python prints with the wheel before all else, from a folder without the checkout."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, *words]
    run = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_it_is_the_wheel_that_is_imported(installed: Path, tmp_path: Path) -> None:
    found = python(installed, tmp_path, "-c", "import swflow; print(swflow.__file__)")
    assert Path(found.strip()).is_relative_to(installed)


def test_the_wheel_holds_its_images_and_carries_noise_to_them(
    installed: Path, tmp_path: Path
) -> None:
    """From the embedded clothes to a picture of a flow's particles."""
    clothes = json.dumps({"kind": "fashion_mnist", "embedded": True, "n_train": 200})
    flow = {"horizon": 1, "n_times": 2, "n_particles": 50, "step": 0.5, "n_directions": 784}
    for words in (
        ["prepare", "--settings", clothes, "--out", "clothes.h5"],
        ["simulate", "clothes.h5", "--settings", json.dumps(flow), "--out", "run.zarr"],
        ["sample", "run.zarr", "--out", "drawn.png", "-n", "9"],
    ):
        python(installed, tmp_path, "-m", "swflow.cli", *words)
    assert (tmp_path / "drawn.png").stat().st_size > 0


def test_the_wheel_holds_the_page_of_the_explorer(installed: Path) -> None:
    assert (installed / "swflow" / "report" / "explorer" / "index.html").is_file()
