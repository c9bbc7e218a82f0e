"""Snakemake run by tests, and the tiny study that several of them read: it is made once."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from tests.forking import forked_commands

ROOT = Path(__file__).parents[1]
TINY: dict[str, Any] = yaml.safe_load((ROOT / "tests" / "tiny.yaml").read_text())
CODE = ("Snakefile", "config.yaml", "workflow", "profiles", "src")


def snakemake(
    root: Path,
    directory: Path,
    config: Path | list[Path],
    *options: str,
    installed: Path | None = None,
) -> str:
    """Run the copy of the project in `root`, other packages `installed` beside it: its output."""
    config = config if isinstance(config, list) else [config]
    binaries = Path(sys.executable).parent
    path = os.pathsep.join(map(str, filter(None, [root / "src", installed])))
    where = ["-s", str(root / "Snakefile"), "--directory", str(directory)]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *where]
    planned = "--dry-run" in options
    with nullcontext(binaries) if planned else forked_commands(path) as first:
        found = os.pathsep.join(map(str, [first, binaries, os.environ["PATH"]]))
        run = subprocess.run(
            [*command, *options, "--configfile", *map(str, config)],
            capture_output=True,
            text=True,
            env=os.environ | {"PATH": found, "PYTHONPATH": path},
            check=False,
        )
    output = run.stdout + run.stderr
    assert run.returncode == 0, output
    return output


def counted(output: str) -> dict[str, int]:
    """Jobs of each rule in a plan."""
    if "Nothing to be done" in output:
        return {}
    table = output.split("Job stats:")[1].split("\n\n")[0]
    counts = dict(re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE))
    return {rule: int(n) for rule, n in counts.items() if rule not in ("all", "total")}


def write_config(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def copied_code(folder: Path) -> Path:
    """The project below a folder, to be edited; what was compiled of it comes with it."""
    folder.mkdir(parents=True)
    ignored = shutil.ignore_patterns("*.egg-info", "*.pyc.*", "*.tmp.*")  # dots: being written
    for name in CODE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def forked() -> Iterator[list[str]]:
    """A command that is `swflow`, without the seconds of its imports."""
    with forked_commands(str(ROOT / "src")) as folder:
        yield [str(folder / "swflow")]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The tiny study, complete: code below `code`, products below `run`. Nothing may change it.

    Tests that run side by side share it: the first makes it, the others wait.
    """
    alone = worker_id == "master"
    base = tmp_path_factory.getbasetemp()
    root = (base if alone else base.parent) / "tiny"
    with FileLock(f"{root}.lock"):
        if not root.exists():
            made = root.with_name("tiny-partial")
            code = copied_code(made / "code")
            config = write_config(made / "tiny.yaml", TINY)
            output = snakemake(code, made / "run", config)
            assert "| stage" in output  # each stage's share
            made.rename(root)
    return root
