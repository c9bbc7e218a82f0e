"""`swflow verify` finds every planted damage in the products of a study, and nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import pytest
from typer.testing import CliRunner

from swflow.cli.app import app
from swflow.runtime.errors import InputError
from swflow.stages.verify import DAMAGED, FOREIGN, STALE, UNFINISHED, Products
from swflow.store.model import DESCRIPTION, WEIGHTS, checksum

pytestmark = pytest.mark.workflow

RUN = "flows/eight/short/entropy0"
MODEL = "models/eight/short"


def flipped(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 0xFF
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def shard(path: Path) -> Path:
    return path / "particles" / "c" / "2" / "0" / "0"


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def other_rows(path: Path) -> None:
    """Whole, but of another seed."""
    with h5py.File(path, "r+") as file:
        rows = file["train/x"][:]
        file["train/x"][:] = rows[::-1]
        del file.attrs["digest"]


def incomplete(path: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        del values["attributes"]["complete"]

    edited(path / "zarr.json", change)


def silent(path: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        del values["attributes"]["settings"]

    edited(path / "zarr.json", change)


def not_finite(path: Path) -> None:
    edited(path, lambda values: values["rows"][0].update(value=float("nan")))


def another_value(path: Path) -> None:
    edited(path, lambda values: values["rows"][0].update(value=123.0))


def another_cell(path: Path) -> None:
    """Of a table: its last number."""
    table = pd.read_csv(path)
    column = table.select_dtypes("float").columns[-1]
    table.loc[0, column] = 123.25
    table.to_csv(path, index=False)


def another_metric(path: Path) -> None:
    metrics = pd.read_csv(path)
    metrics.loc[metrics["metric"] == "memorisation_a", "value"] += 0.125
    metrics.to_csv(path, index=False)


def of_other_code(path: Path) -> None:
    """A run that is whole, and no longer that from which was learned."""
    edited(path / "zarr.json", lambda values: values["attributes"].update(code="other"))


def trained_again(path: Path) -> None:
    """A model that is whole, and no longer that which was drawn from."""
    said = json.loads((path / DESCRIPTION).read_text())
    del said["checksum"]
    said["train_seconds"] = 1.0
    said["checksum"] = checksum(said, (path / WEIGHTS).read_bytes())
    (path / DESCRIPTION).write_text(json.dumps(said))


def swapped(path: Path) -> None:
    """Put what lies under the other seed in its place."""
    other = path.with_name(path.name.replace("seed0", "seed1"))
    shutil.rmtree(path)
    shutil.copytree(other, path)


def written(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


# What is planted, where, and what is to be said of that place. Those of one folder do not meet.
PLANTED: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "flipped rows": ("datasets/normal.h5", flipped, DAMAGED),
    "cut dataset": ("datasets/eight_few.h5", cut, DAMAGED),
    "flipped part of a store": (f"{RUN}/seed0.zarr", lambda p: flipped(shard(p)), DAMAGED),
    "missing part of a store": (f"{RUN}/seed1.zarr", lambda p: shard(p).unlink(), DAMAGED),
    "cut metadata": (f"{RUN}.1/seed0.zarr", lambda p: cut(p / "zarr.json"), DAMAGED),
    "incomplete store": (f"{RUN}.1/seed1.zarr", incomplete, DAMAGED),
    "cut metadata of an array": (
        "flows/eight/smoothed/entropy0/seed0.zarr",
        lambda p: cut(p / "particles" / "zarr.json"),
        DAMAGED,
    ),
    "another run": ("flows/codes/classes/entropy0/seed0.zarr", swapped, FOREIGN),
    "a part of another time": (
        "flows/codes/classes/entropy0/seed1.zarr",
        lambda p: shutil.copytree(
            p / "particles" / "c" / "0", p / "particles" / "c" / "1", dirs_exist_ok=True
        ),
        DAMAGED,
    ),
    "flipped weights": (
        f"{MODEL}/map/seed0",
        lambda p: flipped(p / "weights.safetensors"),
        DAMAGED,
    ),
    "edited settings": (
        f"{MODEL}/map/seed1",
        lambda p: edited(p / "settings.json", lambda v: v.update(seed=7)),
        DAMAGED,
    ),
    "missing weights": (
        f"{MODEL}/ode/seed0",
        lambda p: (p / "weights.safetensors").unlink(),
        DAMAGED,
    ),
    "another model": (f"{MODEL}/fit/seed0", swapped, FOREIGN),
    "flipped decoder": (
        "models/codes/classes/two_time/seed0",
        lambda p: flipped(p / "decoder.safetensors"),
        DAMAGED,
    ),
    "flipped features": (
        "features/clothes",
        lambda p: flipped(p / "weights.safetensors"),
        DAMAGED,
    ),
    "flipped draws": ("samples/eight/short/map/seed1.h5", flipped, DAMAGED),
    "cut draws": ("samples/eight/short/ode/seed1.h5", cut, DAMAGED),
    "cut scores": ("scores/eight/short/map/seed0/fidelity.json", cut, DAMAGED),
    "a score that is no number": ("scores/eight/short/map/seed0/cost.json", not_finite, DAMAGED),
    "edited table": ("tables/fidelity.csv", another_cell, STALE),
    "cut figure": ("figures/fidelity.png", cut, DAMAGED),
    "cut drawing": ("figures/convergence.svg", cut, DAMAGED),
    "an interrupted job": ("flows/eight/short/entropy0.1/seed2.zarr.partial", written, UNFINISHED),
    "an interrupted training": (
        "models/eight/short/map/seed3.partial",
        lambda p: written(p / "history.csv"),
        UNFINISHED,
    ),
    "a copy under another name": (
        "flows/eight/smoothed/entropy0/seed1_old.zarr",
        lambda p: shutil.copytree(p.with_name("seed1.zarr"), p),
        FOREIGN,
    ),
    "a store that says little": ("flows/eight_few/short/entropy0/seed0.zarr", silent, DAMAGED),
    "a checkpoint": ("models/eight/short/map/seed2.checkpoint", written, UNFINISHED),
    "a stranger": ("datasets/notes.txt", written, FOREIGN),
    "a strange folder": ("old", lambda p: p.mkdir(), FOREIGN),
}


@pytest.fixture
def results(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished / "run" / "results", tmp_path / "results"))


def test_a_finished_study_has_nothing_to_mend(finished: Path) -> None:
    run = CliRunner().invoke(app, ["verify", str(finished / "run" / "results")])
    assert run.exit_code == 0, run.output
    assert "nothing to mend" in run.output


def test_every_planted_damage_is_found(results: Path) -> None:
    for place, plant, _ in PLANTED.values():
        plant(results / place)
    found = {
        (str(of.path.relative_to(results)), of.state): of for of in Products(results).findings()
    }
    missed = [name for name, (place, _, state) in PLANTED.items() if (place, state) not in found]
    assert not missed
    places = [place for place, _, _ in PLANTED.values()]
    # What else is said is a consequence: what was made of a product that was exchanged.
    others = [of for (path, _), of in found.items() if path not in places]
    assert {of.state for of in others} <= {STALE}
    run = CliRunner().invoke(app, ["verify", str(results)])
    assert run.exit_code == 1
    assert f"{len(found)} to mend" in run.output


@pytest.mark.parametrize(
    ("place", "plant", "stale"),
    [
        ("datasets/eight.h5", other_rows, f"{RUN}/seed0.zarr"),
        ("datasets/eight.h5", other_rows, f"{MODEL}/map/seed0"),
        ("datasets/clothes.h5", other_rows, "autoencoders/codes"),
        ("scores/eight/short/map/seed0/fidelity.json", another_value, "metrics.csv"),
        ("metrics.csv", another_metric, "tables/memorisation.csv"),
        (f"{RUN}/seed0.zarr", of_other_code, f"{MODEL}/map/seed0"),
        (f"{MODEL}/fit/seed1", trained_again, "samples/eight/short/fit/seed1.h5"),
        (f"{MODEL}/fit/seed1", trained_again, "scores/eight/short/fit/seed1/cost.json"),
        (f"{RUN}/seed0.zarr", of_other_code, "samples/eight/short/particles/seed0.h5"),
        (f"{RUN}/seed1.zarr", of_other_code, "scores/eight/short/map/seed0/fidelity.json"),
        ("datasets/eight.h5", other_rows, "samples/eight/data/test_set/seed0.h5"),
    ],
)
def test_what_was_made_of_something_else_is_stale(
    results: Path, place: str, plant: Callable[[Path], None], stale: str
) -> None:
    plant(results / place)
    found = {str(of.path.relative_to(results)): of.state for of in Products(results).findings()}
    assert found.get(stale) == STALE


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; give the results of a study"):
        Products(tmp_path / "none")
