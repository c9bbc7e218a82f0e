"""What can happen to a long job on a shared machine: nothing is lost, nothing half taken as whole.

Kills at random moments run by `make stress` (those of simulations, many in a process of their own,
in stages/test_resume.py, too); the table of faults is in profiles/README.md.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
from safetensors.numpy import load_file

from swflow import load
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path, exclusive, remove
from swflow.stages.sample import read_samples
from swflow.store.dataset import read_dataset
from tests.helpers import arrays, run_of, wait_until
from tests.pipeline import ROOT

N_KILLS = int(os.environ.get("SWFLOW_KILLS", "0"))  # of each stage, and of Snakemake
SWFLOW = [sys.executable, "-m", "swflow.cli"]
UNDISTURBED = [*SWFLOW]  # of commands that nothing happens to
EIGHT = '{"kind": "eight_gaussians", "n_train": 1000, "n_heldout": 400, "n_test": 400}'
FLOW = '{"horizon": 12, "n_times": 4, "step": 0.02, "n_directions": 16, "n_particles": 2000}'
MAP = '{"kind": "flow_map", "network": {"width": 64, "depth": 2}, "training": {"steps": 400}}'
SCORE = '{"n_draws": 400, "n_redraws": 5, "n_large": 4000, "n_classifier": 400, "n_exact": 300}'

pytestmark = pytest.mark.workflow
kill_loop = pytest.mark.skipif(not N_KILLS, reason="kill loops run by `make stress`")


@pytest.fixture(scope="module", autouse=True)
def forked_processes(forked: list[str]) -> None:
    UNDISTURBED[:] = forked


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole product of each stage."""
    folder = tmp_path_factory.mktemp("products")
    finish("prepare", "--settings", EIGHT, "--out", folder / "data.h5")
    finish(*simulating(folder, folder / "other.zarr", seed=1))
    for stage, (command, name) in STAGES.items():
        if stage == "score":
            finish("sample", folder / "map", "-n", "1000", "--out", folder / "map.h5")
        began = time.monotonic()
        finish(*command(folder, folder / name))
        LASTED[stage] = time.monotonic() - began
    return folder


def simulating(products: Path, out: Path, seed: int = 0) -> list[Any]:
    often = ["--checkpoint-seconds", "0.2"]
    return [
        "simulate",
        products / "data.h5",
        "--settings",
        FLOW,
        "--seed",
        seed,
        *often,
        "--out",
        out,
    ]


def training(products: Path, out: Path) -> list[Any]:
    given = [products / "flow.zarr", "--dataset", products / "data.h5"]
    return ["train", *given, "--settings", MAP, "--checkpoint-seconds", "0.2", "--out", out]


def scoring(products: Path, out: Path, **changes: Any) -> list[Any]:
    settings = json.dumps(json.loads(SCORE) | changes)
    given = ["--samples", products / "map.h5", "--source", products / "map"]
    given += ["--reference", products / "other.zarr"]
    given += ["--dataset", products / "data.h5", "--settings", settings]
    return ["score", out.stem, *given, "--out", out.parent]


# Seconds that a whole run of a stage took, start of Python included.
LASTED: dict[str, float] = {}
STAGES = {
    "simulate": (simulating, "flow.zarr"),
    "train": (training, "map"),
    "score": (scoring, "fidelity.json"),
}


def begin(*arguments: Any, by: list[str] = SWFLOW) -> "subprocess.Popen[str]":
    """A stage in a process of its own."""
    command = [*by, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(*arguments: Any, code: int = 0) -> str:
    """Run a stage to its end; returns what it says."""
    process = begin(*arguments, by=UNDISTURBED)
    _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    return said


def content(path: Path) -> dict[str, bytes]:
    """What must be the same after an interruption: arrays, not times of day or seconds spent."""
    if path.suffix == ".zarr":
        return {name: array.tobytes() for name, array in arrays(run_of(path)).items()}
    if path.is_dir():
        weights = load_file(path / "weights.safetensors")
        return {name: array.tobytes() for name, array in weights.items()}
    return {path.name: path.read_bytes()}


@kill_loop
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_random_moments_a_stage_ends_with_the_same_bytes(
    stage: str, products: Path, tmp_path: Path
) -> None:
    command, name = STAGES[stage]
    out, rng = tmp_path / "killed" / name, random.Random(stage)
    lasts = LASTED[stage]
    kills = wholes = 0
    while kills < N_KILLS:
        process = begin(*command(products, out))
        time.sleep(rng.uniform(0, 0.9) * lasts)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if out.exists():  # going on from a checkpoint, it ended before it was killed
            assert content(out) == content(products / name)
            remove(out)
            wholes += 1
    finish(*command(products, out))
    assert content(out) == content(products / name)
    print(f"{stage}: {kills} kills, {wholes + 1} whole, of the same bytes")
    assert [p.name for p in out.parent.iterdir()] == [name]


@pytest.mark.parametrize(
    ("stage", "told"),
    [("simulate", signal.SIGTERM), ("train", signal.SIGTERM), ("train", signal.SIGINT)],
)
def test_sigterm_leaves_a_checkpoint_that_the_next_run_goes_on_from(
    stage: str, told: signal.Signals, products: Path, tmp_path: Path
) -> None:
    command, name = STAGES[stage]
    out = tmp_path / name
    checkpoint = out.with_name(f"{name}.checkpoint")
    process = begin(*command(products, out))
    wait_until(checkpoint.exists, process)
    process.send_signal(told)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + told
    assert f"stopped by {told.name}" in said
    assert f"{checkpoint} holds step" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{name}.checkpoint", f"{name}.partial"]
    finish(*command(products, out))
    assert content(out) == content(products / name)


def test_sigterm_leaves_nothing_of_a_stage_without_checkpoints(
    products: Path, tmp_path: Path
) -> None:
    process = begin(*scoring(products, tmp_path / "fidelity.json", n_redraws=10**6))  # hours
    assert process.stderr is not None
    assert process.stderr.readline().startswith("score: 0/")  # it has begun to score
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_said_and_a_rerun_heals_it(products: Path, small_disk: Path) -> None:
    filler = small_disk / "filler"
    out = small_disk / "flow.zarr"
    process = begin(*simulating(products, out))
    wait_until((small_disk / "flow.zarr.checkpoint").exists, process)
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                break
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert (
        f"{out}: cannot be written (No space left on device)" in said
        or "checkpoint not written" in said
    )
    assert not out.exists()
    filler.unlink()
    finish(*simulating(products, out))
    assert content(out) == content(products / "flow.zarr")


def test_a_read_only_folder_is_named(products: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for command, name in STAGES.values():
        said = finish(*command(products, small_disk / name), code=1)
        assert f"the folder {small_disk} cannot be written (Read-only file system)" in said


def test_two_writers_of_one_product(products: Path, tmp_path: Path) -> None:
    first = begin(*simulating(products, tmp_path / "flow.zarr"))
    wait_until((tmp_path / "flow.zarr.partial").exists, first)
    said = finish(*simulating(products, tmp_path / "flow.zarr"), code=1)
    assert f"flow.zarr: process {first.pid} on " in said
    assert "is writing this" in said
    first.communicate(timeout=300)
    assert first.returncode == 0
    assert content(tmp_path / "flow.zarr") == content(products / "flow.zarr")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    (tmp_path / "a.txt.lock").write_text("process 1 on a machine that was switched off")
    writing = pytest.raises(InputError, match="is writing this")
    with exclusive(tmp_path / "a.txt"), writing, atomic_path(tmp_path / "a.txt"):
        raise AssertionError
    with atomic_path(tmp_path / "a.txt") as partial:
        partial.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


STUDY = {
    "seeds": [0, 1],
    "datasets": {"eight": json.loads(EIGHT)},
    "flows": {"flow": json.loads(FLOW)},
    "models": {"map": json.loads(MAP)},
    "experiments": [{"dataset": "eight", "flow": "flow", "models": ["map"]}],
    "sample": {"n": 200},
    "score": json.loads(SCORE) | {"n_draws": 50, "n_large": 60, "n_timed": 20, "n_timings": 1},
}


SCORE_FILE = "results/scores/eight/flow/map/seed0/fidelity.json"


def study(folder: Path, *options: str, target: str = SCORE_FILE) -> "subprocess.Popen[str]":
    """The pipeline up to a product, by default the scores of its model."""
    (folder / "study.yaml").write_text(json.dumps(STUDY))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "-s", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(folder / "study.yaml"), *options]
    binaries = Path(sys.executable).parent
    return subprocess.Popen(
        [*command, "--", target],
        env=os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@kill_loop
def test_snakemake_killed_at_random_moments_finishes_later(tmp_path: Path) -> None:
    rng, results = random.Random(0), tmp_path / "results"
    kills = wholes = 0
    while kills < N_KILLS:
        running = study(tmp_path, "--rerun-incomplete")
        time.sleep(rng.uniform(5, 20))
        running.kill()
        output, _ = running.communicate()  # until the jobs that it had started have ended, too
        assert running.returncode in (-signal.SIGKILL, 0), output
        kills += running.returncode == -signal.SIGKILL
        study(tmp_path, "--unlock").communicate()
        if (tmp_path / SCORE_FILE).is_file():
            heal(tmp_path)
            remove(results)
            wholes += 1
    heal(tmp_path)
    print(f"Snakemake: {kills} kills, {wholes + 1} whole studies")


def heal(folder: Path) -> None:
    """Run an interrupted study to its end: nothing half written stays, nothing is left to do."""
    output, _ = (last := study(folder, "--rerun-incomplete")).communicate()
    assert last.returncode == 0, output
    results = folder / "results"
    assert (folder / SCORE_FILE).is_file()
    for ending in ("partial", "checkpoint", "lock"):
        assert not list(results.rglob(f"*.{ending}"))
    output, _ = study(folder).communicate()
    assert "Nothing to be done" in output


def test_two_studies_in_one_folder(tmp_path: Path) -> None:
    model = "results/models/eight/flow/map/seed0"
    first = study(tmp_path, target=model)
    locks = tmp_path / ".snakemake" / "locks"
    wait_until(lambda: any(locks.glob("*")), first)
    output, _ = (second := study(tmp_path, target=model)).communicate()
    assert second.returncode != 0
    assert "Directory cannot be locked" in output
    output, _ = first.communicate()
    assert first.returncode == 0, output
    assert (tmp_path / model).is_dir()


def flip(path: Path, place: int) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)


def test_a_flipped_byte_of_a_dataset_is_named(products: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(products / "data.h5", tmp_path))
    with h5py.File(path) as file:
        place = file["train/x"].id.get_offset()
    flip(path, place + 101)
    with pytest.raises(InputError, match=r"data.h5: the rows are not those .* Remove .*data.h5"):
        read_dataset(path)


def test_a_flipped_byte_of_samples_is_named(products: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(products / "map.h5", tmp_path))
    with h5py.File(path) as file:
        group = next(iter(next(iter(file.values())).values()))["passes1/x"]
        place = group.id.get_chunk_info(0).byte_offset
    flip(path, place + 101)
    with pytest.raises(InputError, match=r"map.h5: not a readable sample file .* sample again"):
        list(read_samples(path))


def meaning(path: Path) -> Any:
    """What a file of JSON says; nothing where it is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


@pytest.mark.parametrize("name", ["weights.safetensors", "settings.json"])
def test_a_flipped_byte_of_a_model_is_named(name: str, products: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(products / "map", tmp_path / "map"))
    whole = (folder / name).read_bytes()
    rng = random.Random(0)
    for _ in range(50):
        flip(folder / name, rng.randrange(len(whole)))
        # White space between two values, the seventeenth digit of a number: JSON means the same.
        if name != "settings.json" or meaning(folder / name) != json.loads(whole):
            with pytest.raises(InputError, match=re.escape(str(folder))):
                load(folder)
        (folder / name).write_bytes(whole)
    load(folder)


def test_a_clock_set_back_changes_nothing(products: Path, tmp_path: Path) -> None:
    """A checkpoint, and inputs, from the future."""
    out = tmp_path / "flow.zarr"
    process = begin(*simulating(products, out))
    wait_until((tmp_path / "flow.zarr.checkpoint").exists, process)
    process.kill()
    process.communicate()
    tomorrow = time.time() + 86400
    for path in (tmp_path / "flow.zarr.checkpoint", tmp_path / "flow.zarr.partial"):
        os.utime(path, (tomorrow, tomorrow))
    finish(*simulating(products, out))
    assert content(out) == content(products / "flow.zarr")
    assert 0 < run_of(out).attributes["wall_seconds"] < 3600
