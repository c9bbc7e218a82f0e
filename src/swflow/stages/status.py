"""Where a study stands: jobs done, running and left; seconds, memory and disk by stage."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from swflow.runtime.errors import InputError
from swflow.runtime.files import bytes_below
from swflow.runtime.snakemake_log import Job, Run, is_locked, newest_log, read_log
from swflow.settings import parse_settings
from swflow.study.configs import merged
from swflow.study.expected import SHORT, expected_seconds
from swflow.study.plan import Plan
from swflow.study.study import Study

# What each stage leaves in the folder of results.
ROOMS = {
    "prepare": "datasets",
    "train_autoencoder": "autoencoders",
    "train_features": "features",
    "simulate": "flows",
    "train": "models",
    "sample": "samples",
    "score": "scores",
    "time": "timings",
    "tabulate": "tables",
    "plot": "figures",
}
# What is expected of a job weighs as much as that job, and at most so many thread-seconds.
MOST_PRIOR_SECONDS = 60.0


class Stage(NamedTuple):
    """Jobs of a rule: planned, done; their seconds, largest memory and products, where known."""

    rule: str
    planned: int
    done: int
    seconds: float
    memory: float | None
    disk: int | None


@dataclass
class Status:
    """A run in a folder; expected: thread-seconds of jobs, from the study's settings."""

    folder: Path
    run: Run
    expected: dict[str, dict[frozenset[tuple[str, str]], float]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "Status":
        """That of the newest run. Raises InputError where there was none."""
        run = read_log(newest_log(folder).read_text(errors="replace"))
        found = cls(folder, run)
        try:
            study: Study = parse_settings(Study, merged(run.configs), "config")
            jobs = expected_seconds(Plan(study))
        except InputError:  # files that were moved or edited since: what ran tells all there is
            return found
        for (rule, wildcards), seconds in jobs.items():
            found.expected.setdefault(rule, {})[wildcards] = seconds
        return found

    def time_left(self, now: datetime) -> timedelta | None:
        """How long the rest takes at the pace of so far; None before the first job ended.

        A job takes what is expected of it, scaled by what those of its rule took; where none has
        ended, by the root of what all took.
        """
        run = self.run
        if not run.done:
            return None
        spent = sum(job.thread_seconds(now) for job in run.jobs)
        rest = 0.0
        for job in run.running:
            rest += max(self._seconds(job.rule, self._of(job), now) - job.thread_seconds(now), 0.0)
        begun = {(job.rule, frozenset(job.wildcards.items())) for job in run.jobs}
        for rule, n in run.waiting().items():
            known = self.expected.get(rule, {}).items()
            left = [seconds for which, seconds in known if (rule, which) not in begun]
            rest += n * self._seconds(rule, sum(left) / len(left) if left else SHORT, now)
        pace = (now - run.begun).total_seconds() / max(spent, 1.0)
        return timedelta(seconds=rest * pace)

    def stages(self) -> Iterator[Stage]:
        """Of each rule, in the order of the plan."""
        for rule, planned in self.run.planned.items():
            own = [job for job in self.run.done if job.rule == rule]
            seconds = sum(job.thread_seconds(self.run.last) for job in own)
            memory = max(_benchmarked(self.folder / "results/benchmarks" / rule), default=None)
            room = ROOMS.get(rule)
            disk = None if room is None else bytes_below(self.folder / "results" / room)
            yield Stage(rule, planned, len(own), seconds, memory, disk)

    def _of(self, job: Job) -> float:
        return self.expected.get(job.rule, {}).get(frozenset(job.wildcards.items()), SHORT)

    def _seconds(self, rule: str, expected: float, now: datetime) -> float:
        took, thought = self._measured([job for job in self.run.done if job.rule == rule], now)
        all_took, all_thought = self._measured(self.run.done, now)
        others = (all_took / all_thought) ** 0.5
        prior = min(expected, MOST_PRIOR_SECONDS)
        return expected * (took + others * prior) / (thought + prior)

    def _measured(self, jobs: list[Job], now: datetime) -> tuple[float, float]:
        """What jobs took, and what was expected of them."""
        return sum(job.thread_seconds(now) for job in jobs), sum(map(self._of, jobs))


def _benchmarked(folder: Path) -> Iterator[float]:
    """Largest memory of each job, in MiB; benchmark files that are being written are passed by."""
    for path in folder.rglob("*.tsv"):
        lines = [line.split("\t") for line in path.read_text(errors="replace").splitlines()]
        for values in lines[1:]:
            found = dict(zip(lines[0], values, strict=False)).get("max_rss", "-")
            with suppress(ValueError):  # "-" or "NA" where nothing was measured
                yield float(found)


def described(status: Status, now: datetime) -> Iterator[str]:
    """The status in lines: one of the whole study, then what runs, failed, and each stage."""
    run = status.run
    total = sum(run.planned.values())
    yield f"{len(run.done)} of {total} jobs done, {_activity(status, now)}."
    state = "running" if is_locked(status.folder) else "ended early"
    for job in run.running:
        yield f"  {state}: {_name(job)}, {_minutes((now - job.begun).total_seconds())}"
    for job in run.failed:
        yield f"  failed: {_name(job)}, see {job.said.get('log', 'its log')}"
    yield f"  {'stage':18} {'jobs':>9} {'time':>10} {'memory':>9} {'disk':>9}"
    for stage in status.stages():
        jobs = f"{stage.done}/{stage.planned}"
        memory = "–" if stage.memory is None else f"{stage.memory:,.0f} MiB"
        disk = "–" if stage.disk is None else f"{stage.disk / 2**20:,.0f} MiB"
        yield f"  {stage.rule:18} {jobs:>9} {_minutes(stage.seconds):>10} {memory:>9} {disk:>9}"


def _activity(status: Status, now: datetime) -> str:
    """What happens now, and how long it still takes."""
    run = status.run
    if not run.waiting() and not run.running:
        return f"nothing left; took {_minutes((run.last - run.begun).total_seconds())}"
    if not is_locked(status.folder):
        return "the rest was stopped or failed: run snakemake again"
    running = f"{len(run.running)} running"
    left = status.time_left(now)
    if left is None:
        return f"{running}; how long is left is told once a job has ended"
    end = (now + left).strftime("%H:%M")
    return f"{running}; about {_minutes(left.total_seconds())} left, until {end}"


def _name(job: Job) -> str:
    return " ".join([job.rule, "/".join(job.wildcards.values())]).strip()


def _minutes(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:.0f} min"
