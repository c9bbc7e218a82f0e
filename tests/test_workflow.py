"""The pipeline run by Snakemake itself on a tiny study, and what each change plans."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tests.pipeline import ROOT, TINY, counted, snakemake, write_config

BELOW_SIMULATE = {
    *("simulate", "train", "sample", "score", "time", "collect"),
    *("tabulate", "plot", "picture", "strip", "neighbours", "interpolate", "film"),
}
TABLES = (
    *("overview", "fidelity", "labels", "generation", "regularisation", "memorisation"),
    *("twin", "cost", "gaussian", "optimal_map", "images"),
    *("paths", "matched", "planted", "copying", "settling"),
)
FIGURES = (
    *("convergence", "fidelity", "regularisation", "memorisation", "generalisation", "control"),
    *("quality_over_cost", "images", "matched", "kinds", "copying", "settling"),
)
PICTURES = [
    *("samples/eight/short/entropy0", "samples/eight/short/entropy0.1", "strips/eight/short"),
    *("samples/normal/alone/entropy0", "samples/normal/alone/entropy0.1", "strips/normal/alone"),
    *("samples/codes/classes/entropy0", "neighbours/codes/classes"),
    "interpolations/codes/classes/two_time",
]
FILM = "films/codes/classes/two_time.gif"

pytestmark = pytest.mark.workflow


@pytest.fixture
def plan(finished: Path, tmp_path: Path) -> Callable[..., dict[str, int]]:
    """Dry-run with another config or other code: jobs planned for each rule."""

    def planned(
        config: dict[str, Any] | str = TINY, edit: Callable[[Path], None] | None = None
    ) -> dict[str, int]:
        code = finished / "code"
        if edit:
            code = tmp_path / "code"
            shutil.copytree(finished / "code", code)
            edit(code)
        path = tmp_path / "config.yaml"
        path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
        return counted(snakemake(code, finished / "run", path, "--dry-run"))

    return planned


def changed(section: str, preset: str, **fields: Any) -> dict[str, Any]:
    return TINY | {section: TINY[section] | {preset: TINY[section][preset] | fields}}


def test_study_makes_every_table_figure_and_log(finished: Path) -> None:
    results = finished / "run" / "results"
    for table in TABLES:
        rows = len(pd.read_csv(results / "tables" / f"{table}.csv"))
        assert rows
        lines = {
            "md": r"^\|",  # a heading and a rule beside the rows
            "html": "<tr",
            "tex": r"\\\\$",
        }
        for ending, line in lines.items():
            text = (results / "tables" / f"{table}.{ending}").read_text()
            found = len(re.findall(line, text, flags=re.MULTILINE))
            assert found == rows + (2 if ending == "md" else 1), f"{table}.{ending}"
    for figure in (*FIGURES, *PICTURES):
        assert drawn_parts(results / "figures" / f"{figure}.png") > 0.01, figure
        assert ElementTree.parse(results / "figures" / f"{figure}.svg").getroot().attrib["width"]
    with Image.open(results / "figures" / FILM) as film:
        assert 30 <= film.n_frames <= 40  # the last one is held for a second
    for ending in ("partial", "lock", "checkpoint"):
        assert not list(results.rglob(f"*.{ending}"))
    flows = set(results.glob("flows/*/*/*/*.zarr"))
    models = set(results.glob("models/*/*/*/seed*"))
    assert {path.parent.name for path in models} == set(TINY["models"])
    for product in flows | models:
        stage = "simulate" if product.suffix else "train"
        relative = product.relative_to(results / ("flows" if product.suffix else "models"))
        assert (results / "logs" / stage / relative.with_suffix(".log")).is_file()


def drawn_parts(path: Path) -> float:
    """Which part of a picture's points is not background."""
    with Image.open(path) as picture:
        points = np.asarray(picture.convert("L"))
    return float((points != np.bincount(points.ravel()).argmax()).mean())


def test_metrics_hold_every_row_with_its_floor(finished: Path) -> None:
    metrics = pd.read_csv(finished / "run" / "results" / "metrics.csv")
    assert set(metrics["model"]) == {"particles", "test_set", *TINY["models"]}
    assert set(metrics["seed"]) == {0, 1}
    fidelity = metrics[metrics["metric"].isin(["sw2", "c2st", "sw2_large"])]
    assert fidelity["floor"].notna().all()
    assert set(fidelity.loc[fidelity["model"] == "map", "entropy"]) == {0.0}
    assert set(fidelity.loc[fidelity["model"] == "ode", "passes"]) == {1, 4}
    for model in ("particles", "ode"):
        assert set(fidelity.loc[fidelity["model"] == model, "entropy"]) == {0.0, 0.1}
    assert metrics["value"].notna().all()


def test_second_run_plans_nothing(plan: Callable[..., dict[str, int]]) -> None:
    assert plan() == {}


def test_spelling_of_the_config_plans_nothing(plan: Callable[..., dict[str, int]]) -> None:
    turned = {key: TINY[key] for key in reversed(TINY)}
    flow = dict(reversed(turned["flows"]["short"].items())) | {"horizon": 2.0, "n_directions": 8}
    text = yaml.safe_dump(turned | {"flows": TINY["flows"] | {"short": flow}}, sort_keys=False)
    assert "horizon: 2.0" in text
    assert plan("# a comment\n" + text) == {}


def test_comment_in_the_code_plans_nothing(plan: Callable[..., dict[str, int]]) -> None:
    def comment(code: Path) -> None:
        for path in (code / "src" / "swflow").rglob("*.py"):
            path.write_text("# a comment\n" + path.read_text())

    assert plan(edit=comment) == {}


def test_changed_model_preset_plans_that_model_and_what_follows(
    plan: Callable[..., dict[str, int]],
) -> None:
    planned = plan(changed("models", "map", training={"steps": 21, "batch_size": 64}))
    seeds = len(TINY["seeds"])
    assert planned == {
        **{"train": seeds, "sample": seeds, "score": 1, "time": 1, "collect": 1},
        **{"tabulate": len(TABLES), "plot": len(FIGURES), "picture": 2, "strip": 1},
    }


def test_edited_flow_code_plans_simulation_and_below(
    plan: Callable[..., dict[str, int]], finished: Path
) -> None:
    def edit(code: Path) -> None:
        replace(code, "flow/integrator.py", "yield snapshot(0.0, 0.0)", "yield snapshot(0.0, 1.0)")

    planned = plan(edit=edit)
    assert set(planned) == BELOW_SIMULATE
    stores = list((finished / "run" / "results" / "flows").glob("*/*/*/*.zarr"))
    assert planned["simulate"] == len(stores)
    learned = [name for name, model in TINY["models"].items() if model["kind"] != "icnn"]
    assert planned["train"] == len(TINY["seeds"]) * len(learned)  # not what learns from rows alone


def test_edited_metric_plans_scores_alone(plan: Callable[..., dict[str, int]]) -> None:
    def edit(code: Path) -> None:
        replace(code, "metrics/generation.py", "NEIGHBOURS = 5", "NEIGHBOURS = 6")

    assert set(plan(edit=edit)) == {"score", "collect", "tabulate", "plot"}


def test_edited_table_plans_itself(plan: Callable[..., dict[str, int]]) -> None:
    def edit(code: Path) -> None:
        replace(code, "report/tables/twin.py", "ratio(values", "ratio(2 * values")

    assert plan(edit=edit) == {"tabulate": 1}


def replace(code: Path, module: str, old: str, new: str) -> None:
    path = code / "src" / "swflow" / module
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_new_kind_of_model_plans_nothing_old(plan: Callable[..., dict[str, int]]) -> None:
    def add(code: Path) -> None:
        package = code / "src" / "swflow"
        kind = (package / "models" / "gaussian_fit.py").read_text()
        (package / "models" / "gaussian_two.py").write_text(kind)
        replace(
            code,
            "settings/models.py",
            "class IcnnSettings",
            "class GaussianTwoSettings(GaussianFitSettings):\n"
            '    home: ClassVar[str] = "swflow.models.gaussian_two:GaussianFit"\n'
            '    kind: Literal["gaussian_two"] = "gaussian_two"  # type: ignore[assignment]\n\n\n'
            "class IcnnSettings",
        )
        replace(
            code,
            "settings/models.py",
            "    | GaussianFitSettings",
            "    | GaussianFitSettings | GaussianTwoSettings",
        )

    two = TINY | {"models": TINY["models"] | {"two": {"kind": "gaussian_two", "entropies": [0]}}}
    assert plan(two, edit=add) == {}


def test_new_entropy_simulates_that_one_alone(plan: Callable[..., dict[str, int]]) -> None:
    planned = plan(changed("flows", "short", entropies=[0.0, 0.1, 0.3]))
    assert planned["simulate"] == 6  # three datasets, two seeds
    assert "train" not in planned
    assert "prepare" not in planned


def test_two_experiments_that_share_a_flow_simulate_it_once(
    plan: Callable[..., dict[str, int]],
) -> None:
    more = {"dataset": "eight", "flow": "short", "models": ["other"]}
    other = TINY["models"]["fit"] | {"entropies": [0.0, 0.1]}
    config = TINY | {
        "models": TINY["models"] | {"other": other},
        "experiments": [*TINY["experiments"], more],
    }
    planned = plan(config)
    assert "simulate" not in planned
    assert planned["train"] == planned["sample"] == len(TINY["seeds"])
    assert planned["score"] == planned["time"] == 1


def test_new_dataset_plans_nothing_of_the_others(plan: Callable[..., dict[str, int]]) -> None:
    sizes = {"n_train": 50, "n_heldout": 20, "n_test": 20}
    config = TINY | {
        "datasets": TINY["datasets"] | {"moons": {"kind": "moons", **sizes}},
        "experiments": [*TINY["experiments"], {"dataset": "moons", "flow": "short"}],
    }
    planned = plan(config)
    assert planned["prepare"] == 1
    assert planned["simulate"] == 4
    assert "train" not in planned


def test_faulty_config_stops_before_any_job(finished: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "bad.yaml", changed("flows", "short", n_direction=4))
    with pytest.raises(AssertionError, match=r"flows.short.n_direction: unknown key. Did you mean"):
        snakemake(finished / "code", tmp_path / "run", config)
    assert not (tmp_path / "run" / "results").exists()


def test_status_says_that_nothing_is_left(finished: Path, forked: list[str]) -> None:
    said = subprocess.run(
        [*forked, "status", str(finished / "run")], capture_output=True, text=True, check=True
    ).stdout
    assert re.match(r"\d+ of \d+ jobs done, nothing left; took \d+ ", said)
    stages = {line.split()[0]: line.split()[1] for line in said.splitlines()[2:]}
    assert stages["simulate"] == "/".join(
        2 * [str(len(list(finished.glob("run/results/flows/*/*/*/*.zarr"))))]
    )


def test_tables_alone_are_rebuilt_on_request(finished: Path, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    shutil.copytree(finished / "run", directory, symlinks=True)
    (directory / "results" / "tables" / "cost.csv").unlink()
    (directory / "results" / "figures" / "fidelity.png").unlink()
    output = snakemake(finished / "code", directory, finished / "tiny.yaml", "tables")
    assert "rule tabulate" in output
    assert "rule plot" not in output
    assert (directory / "results" / "tables" / "cost.csv").is_file()


@pytest.mark.parametrize(
    ("study", "simulations"),
    [
        *(("paper", 84), ("ablation", 36), ("rivals", 87), ("mnist", 15)),
        *(("directions", 21), ("repeatability", 21), ("inpainting", 3), ("mnist_pixels", 3)),
        *(("study", 96), ("discretisation", 114), ("study_images", 57), ("study_sizes", 204)),
        ("memorisation", 36),
    ],
)
def test_longer_studies_can_be_planned(study: str, simulations: int, tmp_path: Path) -> None:
    config = ROOT / "workflow" / "configs" / f"{study}.yaml"
    output = snakemake(ROOT, tmp_path / "run", config, "--dry-run")
    assert re.search(rf"^simulate\s+{simulations}$", output, flags=re.MULTILINE)


def test_trainings_ask_for_the_memory_of_their_pool(tmp_path: Path) -> None:
    config = write_config(tmp_path / "tiny.yaml", changed("models", "map", pool_gib=16))
    output = snakemake(ROOT, tmp_path / "run", config, "--dry-run")
    jobs = [job for job in output.split("\nrule ") if job.startswith("train:")]
    asked = {
        re.search(r"model=(\w+)", job)[1]: int(re.search(r"mem_mb=(\d+)", job)[1]) for job in jobs
    }
    assert (asked["map"], asked["fit"]) == (7000 + 16 * 1024, 7000)


def planned_over(base: str, study: str, directory: Path) -> str:
    """The plan of a study whose config is merged with that of another."""
    directory.mkdir()
    (directory / "cifar10-jpeg.tar.xz").touch()
    configs = [ROOT / "workflow" / "configs" / f"{name}.yaml" for name in (base, study)]
    return snakemake(ROOT, directory, configs, "--dry-run")


@pytest.mark.parametrize(
    ("study", "simulations", "autoencoders"), [("fashion", 15, 2), ("cifar10", 6, 1)]
)
def test_other_images_take_the_flows_and_models_of_the_digits(
    study: str, simulations: int, autoencoders: int, tmp_path: Path
) -> None:
    output = planned_over("mnist", study, tmp_path / "run")
    assert re.search(rf"^simulate\s+{simulations}$", output, flags=re.MULTILINE)
    assert re.search(rf"^train_autoencoder\s+{autoencoders}$", output, flags=re.MULTILINE)
    assert re.search(r"^train_features\s+1$", output, flags=re.MULTILINE)
    assert "mnist_32" not in output


@pytest.mark.parametrize(
    ("study", "simulations"),
    [("fashion_pixels", 3), ("cifar10_pixels", 3), ("images_gpu", 9), ("images_gpu_minutes", 6)],
)
def test_other_pixels_take_the_flow_of_the_digits(
    study: str, simulations: int, tmp_path: Path
) -> None:
    output = planned_over("mnist_pixels", study, tmp_path / "run")
    assert re.search(rf"^simulate\s+{simulations}$", output, flags=re.MULTILINE)
    assert not re.search(r"^train_autoencoder", output, flags=re.MULTILINE)


def test_copies_of_clothes_are_looked_for_in_a_latent_and_in_pixels(tmp_path: Path) -> None:
    output = planned_over("memorisation", "memorisation_fashion", tmp_path / "run")
    assert re.search(r"^simulate\s+12$", output, flags=re.MULTILINE)
    assert re.search(r"^train_autoencoder\s+1$", output, flags=re.MULTILINE)
    assert "mnist_32" not in output


def test_a_preset_that_stands_twice_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "twice.yaml"
    config.write_text("datasets:\n  mine: {kind: digits}\n  mine: {kind: moons}\n")
    with pytest.raises(AssertionError, match=r"mine stands in line 2 and in line 3"):
        snakemake(ROOT, tmp_path / "run", config, "--dry-run")


def test_the_first_picture_takes_one_flow_and_one_network(tmp_path: Path) -> None:
    film = "results/figures/films/clothes_48/images/flow_map_wide.gif"
    config = ROOT / "workflow" / "configs" / "demo.yaml"
    output = snakemake(ROOT, tmp_path / "run", config, "--dry-run", film)
    assert counted(output) == {
        **{"prepare": 2, "train_autoencoder": 1, "simulate": 1, "train": 1, "film": 1},
    }
