"""Where a study stands, as Snakemake's log, the settings and benchmark files say it."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from swflow.runtime.errors import InputError
from swflow.runtime.snakemake_log import LOCKS, LOGS, newest_log, read_log
from swflow.settings import parse_settings
from swflow.stages.status import Status, described
from swflow.study.configs import merged
from swflow.study.expected import expected_seconds
from swflow.study.plan import Plan
from swflow.study.study import Study
from tests.pipeline import ROOT
from tests.study.test_study import GOOD

HEAD = """Config file {base} is extended by additional config specified via the command line.
  Config file(s): [PosixPath('{study}'), '{base}']

Job stats:
job           count
----------  -------
prepare           1
simulate          6
train             3
score             3
all               1
total            14

Select jobs to execute...
"""
BEGUN = """[{time}]
localrule {rule}:
    output: results/{number}
    log: results/logs/{rule}/{number}.log
    jobid: {number}
    reason: Missing output files: results/{number}
    wildcards: {wildcards}
    threads: {threads}
    resources: tmpdir=/tmp, gpu=0
"""
ENDED = "[{time}]\nFinished jobid: {number} (Rule: {rule})\n1 of 14 steps (7%) done\n"
FAILED = """[{time}]
Error in rule {rule}:
    message: None
    jobid: {number}
    log: results/logs/{rule}/{number}.log (check log file(s) for error details)
"""
MIDNIGHT = datetime(2026, 11, 2)  # a day of one digit


def at(seconds: float) -> str:
    return (MIDNIGHT + timedelta(seconds=seconds)).strftime("%a %b %e %H:%M:%S %Y")


class Log:
    """A log as it is written."""

    def __init__(self, folder: Path) -> None:
        study, base = folder / "study.yaml", folder / "config.yaml"
        base.write_text(yaml.safe_dump({k: v for k, v in GOOD.items() if k != "experiments"}))
        study.write_text(yaml.safe_dump({"experiments": GOOD["experiments"]}))
        self.folder, self.text = folder, HEAD.format(study=study, base=base)

    def begin(self, number: int, rule: str, time: float, wildcards: str, threads: int = 1) -> None:
        values = {"number": number, "rule": rule, "wildcards": wildcards, "threads": threads}
        self.text += BEGUN.format(time=at(time), **values)

    def end(self, number: int, rule: str, time: float, how: str = ENDED) -> None:
        self.text += how.format(time=at(time), number=number, rule=rule)

    def write(self, locked: bool = True) -> None:
        for folder in (LOGS, LOCKS):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        (self.folder / LOGS / "2026-11-02T000000.1.snakemake.log").write_text(self.text)
        if locked:
            (self.folder / LOCKS / "0.input.lock").touch()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Of one job that ended, of one that failed, and of one that runs."""
    found = Log(tmp_path)
    found.begin(3, "prepare", 0, "dataset=a")
    found.end(3, "prepare", 10)
    flow = "dataset=a, flow=f, entropy={}, seed={}"
    found.begin(4, "simulate", 10, flow.format("0", 0), threads=2)
    found.begin(5, "simulate", 11, flow.format("0.1", 0))
    found.end(4, "simulate", 40)
    found.end(5, "simulate", 41, FAILED)
    found.begin(6, "simulate", 42, flow.format("0", 1))
    return found


def test_the_log_says_what_ended_runs_failed_and_waits(log: Log) -> None:
    run = read_log(log.text)
    assert [job.rule for job in run.done] == ["prepare", "simulate"]
    assert [job.wildcards["seed"] for job in run.running] == ["1"]
    assert [job.wildcards["entropy"] for job in run.failed] == ["0.1"]
    assert run.done[1].thread_seconds(MIDNIGHT) == 60
    assert run.waiting() == {"simulate": 4, "train": 3, "score": 3}
    assert [path.name for path in run.configs] == ["config.yaml", "study.yaml"]
    half = read_log(log.text[: log.text.index("Finished jobid: 4")])
    assert [job.rule for job in half.running] == ["simulate", "simulate"]


@pytest.mark.parametrize("slower", [1, 100])
def test_what_jobs_took_scales_what_is_left(slower: float, tmp_path: Path) -> None:
    """Two of six flows, one at a time: twice as long is left, and what no job was measured of.

    What is expected weighs as much as one more job.
    """
    log = Log(tmp_path)
    study: Study = parse_settings(Study, merged(read_log(log.text).configs), "config")
    jobs = expected_seconds(Plan(study))
    which = frozenset({"dataset": "a", "flow": "f", "entropy": "0", "seed": "0"}.items())
    took = slower * jobs["simulate", which]
    for number in (0, 1):
        wildcards = f"dataset=a, flow=f, entropy=0, seed={number}"
        log.begin(number, "simulate", number * took, wildcards)
        log.end(number, "simulate", (number + 1) * took)
    log.write()
    left = Status.of(tmp_path).time_left(MIDNIGHT + timedelta(seconds=2 * took))
    assert left is not None
    others = sum(seconds for (rule, _), seconds in jobs.items() if rule in ("train", "score"))
    flows = 4 * took * (2 + 1 / np.sqrt(slower)) / 3
    low, high = flows + others, flows + others * slower
    # Log lines are of whole seconds.
    assert 0.8 * low < left.total_seconds() < 1.2 * high


def test_what_is_expected_follows_rows_width_and_plans() -> None:
    configs = [ROOT / "config.yaml", ROOT / "workflow" / "configs" / "memorisation.yaml"]
    study: Study = parse_settings(Study, merged(configs), "config")
    jobs = expected_seconds(Plan(study))

    def seconds(rule: str, **wildcards: str) -> float:
        of = {"teacher": "long", "model": "long_map"} if rule != "simulate" else {}
        of |= {} if rule == "score" else {"seed": "0"}
        return jobs[rule, frozenset((of | wildcards).items())]

    few, many = (seconds("score", dataset=dataset) for dataset in ("mnist_500", "mnist_32"))
    assert 2 < many / few < 3
    wide, narrow = (
        seconds("train", dataset="mnist_500", model=f"{model}_map") for model in ("long", "narrow")
    )
    assert 3 < wide / narrow < 4
    exact, entropic = (
        seconds("simulate", dataset="mnist_4500", flow=flow, entropy="0")
        for flow in ("long", "long_entropic")
    )
    assert 8 < entropic / exact < 16


@pytest.mark.parametrize("n_exact", [2000, 4000])
def test_what_is_expected_follows_kinds_and_exact_distances(n_exact: int) -> None:
    study = merged([ROOT / "config.yaml", ROOT / "workflow" / "configs" / "study.yaml"])
    study["score"]["n_exact"] = n_exact
    jobs = expected_seconds(Plan(parse_settings(Study, study, "config")))

    def of_flow(rule: str, name: str) -> float:
        found = [
            seconds
            for (own, of), seconds in jobs.items()
            if own == rule and name in {dict(of).get("flow"), dict(of).get("teacher")}
        ]
        return sum(found) / len(found)

    # As measured: sorting took 5 s of a job's 8, these kinds 14, 20 and 14 beside its start.
    alone = of_flow("simulate", "few_smoothed_1")
    assert 1.5 < of_flow("simulate", "few_partial_1") / alone < 4
    assert 2.5 < of_flow("simulate", "few_unbalanced_1") / alone < 6
    assert 2 < of_flow("simulate", "few_sliced_1") / alone < 4
    # A score of 19 s of a slower core became one of 145.
    assert of_flow("score", "few_smoothed_1") == pytest.approx(
        {2000: 19, 4000: 145}[n_exact], rel=0.6
    )


def test_what_is_expected_of_images_follows_how_many_there_are() -> None:
    """Of `study_images`, whose clothes are the 10,000 of the package: measured were 27 s."""
    study = merged([ROOT / "config.yaml", ROOT / "workflow" / "configs" / "study_images.yaml"])

    def seconds() -> float:
        jobs = expected_seconds(Plan(parse_settings(Study, study, "config")))
        of = {"dataset": "clothes_48", "teacher": "clothes_smoothed_1", "model": "particles"}
        return jobs["score", frozenset(of.items())]

    few = seconds()
    assert few == pytest.approx(27, rel=1)
    study["datasets"]["clothes"]["embedded"] = False
    assert 3 < seconds() / few < 6


def test_lines_name_what_runs_and_what_failed(log: Log, tmp_path: Path) -> None:
    log.write()
    benchmark = tmp_path / "results" / "benchmarks" / "simulate" / "x.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\th:m:s\tmax_rss\n30.0\t0:00:30\t512.5\n")
    (tmp_path / "results" / "flows").mkdir()
    (tmp_path / "results" / "flows" / "a").write_bytes(bytes(3 * 2**20))
    now = MIDNIGHT + timedelta(seconds=60)
    first, *lines = described(Status.of(tmp_path), now)
    assert first.startswith("2 of 13 jobs done, 1 running; about ")
    assert lines[0] == "  running: simulate a/f/0/1, 18 s"
    assert lines[1] == "  failed: simulate a/f/0.1/0, see results/logs/simulate/5.log"
    (simulated,) = (line.split() for line in lines if line.startswith("  simulate"))
    assert simulated == ["simulate", "1/6", "1", "min", "512", "MiB", "3", "MiB"]


def test_a_run_that_was_stopped_is_no_running_one(log: Log, tmp_path: Path) -> None:
    log.write(locked=False)
    first, second, *_ = described(Status.of(tmp_path), MIDNIGHT)
    assert first == "2 of 13 jobs done, the rest was stopped or failed: run snakemake again."
    assert second.startswith("  ended early: simulate")


def test_configs_that_are_gone_leave_what_ran(log: Log, tmp_path: Path) -> None:
    log.write()
    (tmp_path / "study.yaml").unlink()
    status = Status.of(tmp_path)
    assert status.expected == {}
    assert status.time_left(MIDNIGHT + timedelta(seconds=60)) is not None


def test_a_folder_without_runs_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no study has run here"):
        newest_log(tmp_path)


def test_calls_that_ran_nothing_are_not_the_newest_run(log: Log, tmp_path: Path) -> None:
    """One that was refused by the lock, or took it away, leaves a log of its own."""
    log.write()
    (tmp_path / LOGS / "2026-11-03T000000.1.snakemake.log").write_text("LockException: ...\n")
    assert newest_log(tmp_path).name.startswith("2026-11-02")
    assert len(Status.of(tmp_path).run.jobs) == len(read_log(log.text).jobs)
