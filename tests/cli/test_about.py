"""Commands about the installation and about configs."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from swflow.cli.app import app
from swflow.runtime import doctor
from swflow.runtime.errors import InputError
from tests.pipeline import ROOT


def said(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    return result.output if result.exception is None else str(result.exception)


def test_the_version_has_one_source() -> None:
    number = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert said("--version") == f"swflow {number}\n"
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == number
    assert f"## {number}" in (ROOT / "CHANGELOG.md").read_text()


def test_presets_of_a_study_are_listed_with_what_differs(tmp_path: Path) -> None:
    found = said("presets", ROOT / "config.yaml")
    assert re.search(r"^  clothes_48: \{kind: latent, of: clothes, dim: 48\}$", found, re.MULTILINE)
    assert "  gaussian_2 by relaxation: the flow alone\n" in found
    other = tmp_path / "other.yaml"
    other.write_text("datasets: {clothes_48: {dim: 32}}\nexperiments: []\n")
    found = said("presets", ROOT / "config.yaml", other)
    assert "clothes_48: {kind: latent, of: clothes, dim: 32}" in found
    assert found.endswith("experiments:\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets: {a: {kind: moon}}", "allowed are"),
        ("- 1", "must be a mapping"),
        ("a: [", "the config cannot be read"),
        (
            "seeds: [0]\nseeds: [1]",
            "seeds stands in line 1 and in line 2: one of them would be lost",
        ),
    ],
)
def test_a_bad_config_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    found = said("presets", path)
    assert message in found
    assert "bad.yaml" in found
    assert "the config cannot be read" in said("presets", tmp_path / "absent.yaml")


def test_the_doctor_says_what_is_missing_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(doctor.OPTIONAL_PACKAGES, "no-such-thing", ("nothing", "pip install it"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SWFLOW_DATA", str(tmp_path / "absent"))
    found = said("doctor", tmp_path)
    assert "no-such-thing (nothing): missing; pip install it" in found
    assert "sbatch (SLURM): missing; run on a login node of the cluster" in found
    assert "which is no folder; name a folder of raw files" in found
    assert f"free disk in {tmp_path}: " in found
    with pytest.raises(InputError, match="absent: no such folder; give the one in which studies"):
        list(doctor.findings(tmp_path / "absent"))
    assert re.search(r"^torch: \d", found, re.MULTILINE)
