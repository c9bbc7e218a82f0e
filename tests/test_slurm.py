"""The pipeline on a real SLURM: one job for each rule, with faults on the way."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import slurm
from tests.helpers import arrays, run_of, wait_until
from tests.soak import Soak

ABSENT = slurm.missing()
pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(bool(ABSENT), reason=f"no SLURM here: {', '.join(ABSENT)} missing"),
]

STUDY = slurm.STUDY | {"seeds": [0, 1], "processes": 2}
# The same with a GPU for each heavy job, which this cluster says that it has.
GPUS = "with_gpus"
WITH_GPUS = STUDY | {
    "gpus": 1,
    "processes": 1,
    "flows": {GPUS: STUDY["flows"]["flow"]},
    "experiments": [{"dataset": "eight", "flow": GPUS}],
}
# First in PATH of the jobs: what may happen to a job, each once.
FAULTS = """#!/bin/sh
once() { [ ! -e "{marks}/$1" ] && : > "{marks}/$1"; }
case "$*" in
    train*seed0*) once failed && exit 1 ;;
    simulate*seed0.zarr*)
        once killed && {
            for out; do :; done  # the last argument
            {swflow} "$@" --checkpoint-seconds 0 &
            until [ -e "$out.checkpoint" ] || ! kill -0 $!; do sleep 0.1; done
            sleep 2
            kill -KILL "$(sed 's/^process \\([0-9]*\\) .*/\\1/' "$out.lock")"  # the leading process
            wait $!
            exit
        } ;;
esac
exec {swflow} "$@"
"""
SECONDS = 900


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Cluster]:
    with slurm.running() as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def gpu_study(
    cluster: slurm.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Study"]:
    """The study with GPUs, begun beside the other: a cluster's jobs wait most of their time."""
    until = ("--retries", "0", "--until", "simulate")
    folder = tmp_path_factory.mktemp("gpus")
    with started_study(cluster, folder, WITH_GPUS, *until) as study:
        yield study


def faulty_swflow(folder: Path) -> Path:
    """A folder with a `swflow` that meets each fault once."""
    marks, binaries = folder / "marks", folder / "bin"
    marks.mkdir()
    binaries.mkdir()
    text = FAULTS.replace("{marks}", str(marks))
    script = binaries / "swflow"
    script.write_text(text.replace("{swflow}", str(Path(sys.executable).with_name("swflow"))))
    script.chmod(0o755)
    return binaries


class Study:
    """Snakemake, submitting a study's jobs."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, log: Path) -> None:
        self._process, self.folder, self._log = process, folder, log

    def log(self) -> str:
        """What it said."""
        return self._log.read_text()

    def wait_for(self, done: Callable[[], bool]) -> None:
        """Until a job has come so far."""
        wait_until(done, self._process, self.log, SECONDS)

    def returncode(self) -> int:
        """Its exit status, once it ends."""
        try:
            return self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not done in {SECONDS} s\n{self.log()}") from None


@contextmanager
def started_study(
    cluster: slurm.Cluster, folder: Path, study: dict[str, Any] = STUDY, *options: str
) -> Iterator[Study]:
    """A study that is under way, and stopped when the block ends."""
    project, log = slurm.Project(cluster, folder, study), folder / "snakemake.log"
    environment = project.environment(faulty_swflow(folder))
    with log.open("w") as output:
        command = project.command(*options)
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield Study(process, folder, log)
    finally:
        process.kill()
        process.wait()


def own_jobs(cluster: slurm.Cluster) -> list[dict[str, str]]:
    """All jobs but those of the study with GPUs."""
    return [job for job in cluster.jobs() if GPUS not in job["comment"]]


def of_rule(jobs: list[dict[str, str]], rule: str, *wildcards: str) -> list[dict[str, str]]:
    """The jobs of a rule whose last wildcards are these, in the order of submission."""
    found = []
    for job in jobs:
        name, _, values = job["comment"].partition("_wildcards_")
        if name == f"rule_{rule}" and f"_{values}".endswith("_".join(["", *wildcards])):
            found.append(job)
    return sorted(found, key=lambda job: int(job["id"]))


def test_study_survives_faults_on_a_cluster(cluster: slurm.Cluster, tmp_path: Path) -> None:
    results = tmp_path / "run" / "results"
    flows = results / "flows" / "eight" / "flow" / "entropy0"
    seed0 = "eight/flow/map/seed0"
    wanted = [f"results/scores/{seed0}/fidelity.json", f"results/timings/{seed0}/timing.json"]
    begun = simulation_log(results, seed=1)
    with started_study(cluster, tmp_path, STUDY, "--", *wanted) as study:
        study.wait_for(lambda: begun.is_file() and "simulate: 0/" in begun.read_text())
        (running,) = of_rule(own_jobs(cluster), "simulate", "1")
        cluster.ask("scancel", running["id"])
        study.wait_for((flows / "seed1.zarr.checkpoint").exists)
        assert study.returncode() == 0, study.log()
    jobs = own_jobs(cluster)
    assert all((tmp_path / "run" / path).is_file() for path in wanted)
    assert not list(results.rglob("*.partial"))
    assert not list(results.rglob("*.checkpoint"))

    ran = {job["comment"].removeprefix("rule_").split("_")[0] for job in jobs}
    assert ran == {"prepare", "simulate", "train", "sample", "score", "time"}

    failed, again = of_rule(jobs, "train", "map", "0")
    assert [failed["state"], again["state"]] == ["FAILED", "COMPLETED"]
    assert [failed["memory"], again["memory"]] == ["8024M", "16048M"]
    assert [failed["time"], again["time"]] == ["1:00:00", "2:00:00"]

    alone = cluster.ask("scontrol", "show", "job", of_rule(jobs, "time")[0]["id"])
    shared = cluster.ask("scontrol", "show", "job", of_rule(jobs, "sample")[0]["id"])
    assert "OverSubscribe=NO" in alone, alone
    assert "OverSubscribe=OK" in shared, shared

    for seed, ended in ((0, "FAILED"), (1, "CANCELLED")):
        before, again = of_rule(jobs, "simulate", str(seed))
        assert [before["state"], again["state"]] == [ended, "COMPLETED"]
        assert before["cpus"] == again["cpus"] == "2"
        asked, more = (int(job["memory"].removesuffix("M")) for job in (before, again))
        assert more == 2 * asked
        assert 1000 < asked < 2500  # of two processes with a few thousand points
        log = simulation_log(results, seed).read_text()
        assert int(re.search(r"simulate: (\d+)/", log)[1]) > 0  # from its checkpoint
        here = simulated_here(tmp_path, seed)
        there = run_of(flows / f"seed{seed}.zarr")
        assert there.attributes["processes"] == 2
        for name, array in arrays(there).items():
            np.testing.assert_array_equal(array, here[name])


def simulation_log(results: Path, seed: int) -> Path:
    """What the simulation of this seed says."""
    return results / "logs" / "simulate" / "eight" / "flow" / "entropy0" / f"seed{seed}.log"


def simulated_here(folder: Path, seed: int) -> dict[str, Any]:
    """The same flow by two processes, without a cluster or interruptions."""
    out = folder / f"seed{seed}.zarr"
    given = [str(folder / "run" / "results" / "datasets" / "eight.h5"), "--seed", str(seed)]
    given += ["--settings", json.dumps(STUDY["flows"]["flow"]), "--processes", "2"]
    command = [sys.executable, "-m", "swflow.cli", "simulate", *given, "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return arrays(run_of(out))


def test_gpus_are_asked_for(cluster: slurm.Cluster, gpu_study: Study) -> None:
    """By the jobs of heavy rules; on this cluster's toy GPU torch finds no CUDA, and says so."""
    assert gpu_study.returncode() == 1, gpu_study.log()
    jobs = [job for job in of_rule(cluster.jobs(), "simulate") if GPUS in job["comment"]]
    shown = [cluster.ask("scontrol", "show", "job", job["id"]) for job in jobs]
    assert [re.findall(r"TresPerJob=(\S+)", text) for text in shown] == [["gres:gpu:1"]] * 2, shown
    logs = gpu_study.folder / "run" / "results" / "logs" / "simulate" / "eight" / GPUS / "entropy0"
    assert "torch sees no GPU here" in "".join(p.read_text() for p in logs.iterdir())


def test_nothing_is_lost_where_jobs_nodes_and_snakemake_are_killed(tmp_path: Path) -> None:
    """Minutes of `make soak`, on a cluster of its own."""
    with slurm.running() as fragile:
        soak = Soak(fragile, tmp_path, n_seeds=2, seed=0)
        soak.go(every=12, minutes=SECONDS / 60)
        assert soak.lost() == []
    assert soak.planned > 15
    assert len(soak.events) >= 3
    assert soak.timeline[-1][1] > 0
