"""The command line: fast help, every stage by hand, one line for what a user can mend."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

STAGES = [
    *("prepare", "simulate", "train", "sample", "score", "time", "collect", "tabulate", "plot"),
    *("picture", "train-autoencoder"),
]
FLOW = '{"horizon": 2, "n_times": 3, "step": 0.5, "n_directions": 8, "n_particles": 64}'
MODEL = '{"kind": "flow_map", "network": {"width": 8, "depth": 1}, "training": {"steps": 5}}'
SMALL = '{"n_draws": 30, "n_redraws": 2, "n_large": 50, "n_classifier": 20, "n_exact": 20}'


COMMAND = [sys.executable, "-m", "swflow.cli"]


@pytest.fixture(scope="module", autouse=True)
def forked_processes(forked: list[str]) -> None:
    COMMAND[:] = forked


def swflow(
    *arguments: object, cwd: Path | None = None, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def test_import_is_fast_and_leaves_torch_alone() -> None:
    code = (
        "import sys, time; t = time.perf_counter(); import swflow; s = time.perf_counter() - t;"
        "assert 'torch' not in sys.modules; import swflow.cli;"
        "assert not {'torch', 'pydantic'} & set(sys.modules);"
        "print(s)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 0.2


def test_public_names_are_all_there() -> None:
    import swflow as package

    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(dir(package)) == set(package.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        package.nothing  # noqa: B018


@pytest.mark.parametrize("stage", STAGES)
def test_help_explains_each_stage(stage: str) -> None:
    run = swflow(stage, "--help")
    assert run.returncode == 0
    assert "--out" in run.stdout


def test_help_lists_the_fields_of_settings() -> None:
    text = " ".join(swflow("simulate", "--help").stdout.split())
    for part in ("n_directions (128)", "entropy (0.0)", "step.max (1.0)", "source.law"):
        assert part in text


def test_latents_are_made_by_hand(tmp_path: Path) -> None:
    images = '{"kind": "fashion_mnist", "embedded": true}'
    codes = '{"kind": "latent", "of": "clothes", "dim": 4, "network": {"width": 8}}'
    few = "--set training.steps=2 --set training.batch_size=8"
    seen = f"{few} --set network.width=8"
    few += " --set critic.training.steps=2"
    commands = [
        f"prepare --settings '{images}' --out clothes.h5",
        f"train-autoencoder clothes.h5 --settings '{codes}' {few} --out autoencoder",
        f"prepare --settings '{codes}' --images clothes.h5 --autoencoder autoencoder"
        " --out codes.h5",
        "sample codes.h5 -n 4 --out codes.npy",
        "sample clothes.h5 -n 4 --out clothes.png",
        f"train-features clothes.h5 {seen} --out features",
        "sample codes.h5 -n 40 --out samples/test_set/seed0.h5",
        "neighbours samples/test_set/seed0.h5 --dataset codes.h5 --images clothes.h5"
        " --features features --out neighbours",
    ]
    run = swflow("batch", cwd=tmp_path, given="\n".join(commands))
    assert run.returncode == 0, run.stderr
    assert np.load(tmp_path / "codes.npy").shape == (4, 28, 28)
    assert (tmp_path / "clothes.png").is_file()
    assert (tmp_path / "neighbours.png").is_file()
    assert not list(tmp_path.glob("*.partial"))
    run = swflow("prepare", "--settings", codes, "--out", "again.h5", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr == (
        "swflow: error: latents are made of a dataset of images and an autoencoder: give --images "
        "and --autoencoder.\n"
    )


def test_every_stage_works_by_hand_and_in_one_process(tmp_path: Path) -> None:
    moons = '{"kind": "moons", "n_train": 100, "n_heldout": 50, "n_test": 50}'
    (tmp_path / "settings.yaml").write_text(f"{FLOW}\n")
    simulate = "simulate moons.h5 --settings settings.yaml"
    commands = [
        f"prepare --settings '{moons}' --out moons.h5",
        *(f"{simulate} --seed {seed} --out flow{seed}.zarr" for seed in (0, 1, 2)),
        f"{simulate} --set entropy=0.2 --out noisy.zarr",
        f"train flow0.zarr --dataset moons.h5 --settings '{MODEL}' --set training.batch_size=16"
        " --out model",
    ]
    compared = f"--dataset moons.h5 --reference flow1.zarr --settings '{SMALL}'"
    sources = {"map": "model", "particles": "flow2.zarr", "test_set": "moons.h5"}
    for name, source in sources.items():
        commands += [
            f"sample {source} --set n=40 --out samples/{name}.h5",
            f"score fidelity generation --samples samples/{name}.h5 --source {source} {compared}"
            f" --out scores/moons/f/{name}/seed0",
        ]
    rows = ("map", "fidelity"), ("particles", "fidelity"), ("test_set", "generation")
    scored = [f"scores/moons/f/{name}/seed0/{group}.json" for name, group in rows]
    scored.append("timings/moons/f/map/seed0/timing.json")
    commands += [
        f"time model {compared} --out timings/moons/f/map/seed0/timing.json",
        f"collect {' '.join(scored)} --out metrics.csv",
        "tabulate metrics.csv fidelity --out tables",
        "plot metrics.csv fidelity --out figures",
        "picture samples/particles.h5 --dataset moons.h5 --out figures/samples",
    ]
    run = swflow("batch", cwd=tmp_path, given="\n".join(commands))
    assert run.returncode == 0, run.stderr
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {
        f"{name}.{kind}" for name in ("fidelity", "samples") for kind in ("png", "svg")
    }
    metrics = pd.read_csv(tmp_path / "metrics.csv")
    assert {"sw2", "sw_test", "seconds_per_1000"} <= set(metrics["metric"])
    assert len(pd.read_csv(tmp_path / "tables" / "fidelity.csv")) == 2  # two stored times
    with h5py.File(tmp_path / "samples" / "map.h5") as file:
        assert sorted(file["entropy0"]) == ["time0.732051", "time2"]
        assert file["entropy0/time2/passes1/x"].shape == (40, 2)


def test_the_first_command_that_fails_ends_a_batch(dataset_path: Path, tmp_path: Path) -> None:
    draw = f"sample {dataset_path} -n 5 --out"
    commands = [f"{draw} a.npy", "sample absent --out b.npy", f"{draw} c.npy"]
    run = swflow("batch", cwd=tmp_path, given="\n".join(commands))
    assert run.returncode == 1
    assert run.stderr.startswith("swflow: error: absent: nothing to draw from")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_a_batch_ends_with_the_code_of_its_command(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "stranger").write_text("")
    run = swflow("batch", cwd=tmp_path, given="verify results\n")
    assert run.returncode == 1
    assert "stranger" in run.stdout
    run = swflow("batch", cwd=tmp_path, given="verify 'results\n")
    assert run.returncode == 1
    assert "is no command (No closing quotation)" in run.stderr


def test_progress_in_a_log_is_lines_with_the_time_left(dataset_path: Path, tmp_path: Path) -> None:
    run = swflow("simulate", dataset_path, "--settings", FLOW, "--out", tmp_path / "a.zarr")
    assert run.returncode == 0
    assert "\r" not in run.stderr
    assert re.search(r"^simulate: (\d+)/\1 in .* left", run.stderr, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "--settings", '{"kind": "moon"}'], "--settings: kind = 'moon': allowed are"),
        (["prepare", "--settings", "absent.yaml"], "absent.yaml: settings cannot be read"),
        (["prepare", "--settings", "{"], "settings cannot be read"),
        (["prepare", "--settings", '{"kind": "moons"}', "--set", "noise"], "write it as key=value"),
        (["prepare", "--settings", '{"kind": "moons"}', "--set", "noise=-1"], "noise = -1: must"),
        (["prepare", "--settings", '{"kind": "moons"}', "--set", "noise=[1"], "cannot be read"),
        (["simulate", "{data}", "--settings", '{"step": 1}', "--set", "step.max=2"], "step is 1"),
        (["simulate", "absent.h5", "--settings", FLOW], "absent.h5: no such dataset file"),
        (["simulate", "{data}", "--settings", FLOW, "--set", "n_directions=0"], "n_directions = 0"),
        (["simulate", "{data}", "--settings", FLOW, "--device", "cuda"], "sees no GPU here"),
        (["simulate", "{data}", "--settings", FLOW, "--device", "abacus"], "--device abacus"),
        (["train", "absent.zarr", "--dataset", "{data}", "--settings", MODEL], "no trajectory"),
        (["sample", "absent"], "nothing to draw from"),
        (["collect", "absent.json"], "absent.json: not a score file"),
        (["tabulate", "absent.csv", "cost"], "absent.csv: cannot be read"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_leaves_nothing(
    arguments: list[str], message: str, dataset_path: Path, tmp_path: Path
) -> None:
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    given = [a.replace("{data}", str(dataset_path)) for a in arguments]
    run = swflow(*given, "--out", "product", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr.startswith("swflow: error: ")
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(dataset_path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = swflow(
        "simulate", dataset_path, "--settings", FLOW, "--out", tmp_path / "file" / "a.zarr"
    )
    assert run.returncode == 1
    assert "cannot be written" in run.stderr


def test_nan_rows_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.full((30, 2), np.nan))
    settings = json.dumps({"kind": "array", "path": str(tmp_path / "rows.npy")})
    run = swflow("prepare", "--settings", settings, "--out", tmp_path / "a.h5")
    assert run.returncode == 1
    assert "values are NaN or infinite" in run.stderr
    assert not (tmp_path / "a.h5").exists()


def test_help_is_fast() -> None:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "swflow.cli", "--help"], check=True, capture_output=True)
    assert time.perf_counter() - began < 5  # torch alone takes seconds on a cold machine
