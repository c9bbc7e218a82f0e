"""What Snakemake's log says of a run: which jobs there are, began, ended and failed."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from swflow.runtime.errors import InputError

LOGS, LOCKS = Path(".snakemake/log"), Path(".snakemake/locks")
STAMP = "%a %b %d %H:%M:%S %Y"


@dataclass
class Job:
    """One job of a run: of a rule, with what Snakemake writes of it, by name."""

    rule: str
    begun: datetime
    said: dict[str, str] = field(default_factory=dict)
    ended: datetime | None = None
    failed: bool = False

    @property
    def threads(self) -> int:
        """Threads that it takes."""
        return int(self.said.get("threads", 1))

    @property
    def wildcards(self) -> dict[str, str]:
        """What it is of."""
        pairs = (pair.partition("=") for pair in self.said.get("wildcards", "").split(", ") if pair)
        return {name: value for name, _, value in pairs}

    def thread_seconds(self, now: datetime) -> float:
        """What it took up to now, over all its threads."""
        return self.threads * ((self.ended or now) - self.begun).total_seconds()


@dataclass
class Run:
    """One call of Snakemake: how many jobs of each rule were planned, and those that began.

    last: the last time that the log says; configs: the config files, later ones over earlier ones.
    """

    planned: Counter[str]
    jobs: list[Job]
    last: datetime
    configs: list[Path]

    @property
    def done(self) -> list[Job]:
        """Jobs that ended well."""
        return [job for job in self.jobs if job.ended and not job.failed]

    @property
    def running(self) -> list[Job]:
        """Jobs that began and did not end."""
        return [job for job in self.jobs if not job.ended]

    @property
    def failed(self) -> list[Job]:
        """Jobs that ended in an error."""
        return [job for job in self.jobs if job.failed]

    @property
    def begun(self) -> datetime:
        """When the first job began."""
        return min((job.begun for job in self.jobs), default=self.last)

    def waiting(self) -> Counter[str]:
        """How many jobs of each rule have not begun."""
        return self.planned - Counter(job.rule for job in self.jobs if not job.failed)


def newest_log(folder: Path) -> Path:
    """The log of the newest run in a folder. Raises InputError where there was none.

    Not of calls that ran nothing: one that was refused by the lock, or took it away.
    """
    logs = sorted((folder / LOGS).glob("*.snakemake.log"), reverse=True)
    newest = next(filter(_planned, logs), None)
    if newest is None:
        raise InputError(
            f"{folder}: no study has run here ({LOGS} holds no log); give the folder that "
            "snakemake's --directory named."
        )
    return newest


def _planned(log: Path) -> bool:
    return log.is_file() and "Job stats:" in log.read_text(errors="replace")


def is_locked(folder: Path) -> bool:
    """Whether Snakemake is at work in a folder, or left its lock there."""
    return any((folder / LOCKS).glob("*.lock"))


def read_log(text: str) -> Run:
    """A run, from the text of its log; as far as it was written."""
    reader = _Reader()
    for line in text.splitlines():
        reader.read(line)
    configs = re.search(r"^  Config file\(s\): \[(.*)\]$", text, flags=re.MULTILINE)
    paths = [Path(path) for path in re.findall(r"'([^']*)'", configs[1])] if configs else []
    planned = Counter({rule: n for rule, n in reader.planned.items() if rule not in OWN})
    # The workflow's own, over which those of the command line are laid, is the last.
    in_order = [*paths[-1:], *paths[:-1]]
    jobs = [job for job in reader.jobs.values() if job.rule not in OWN]
    return Run(planned, jobs, reader.now, in_order)


OWN = ("all", "total")  # rows of the table of jobs that are none, or do nothing


class _Reader:
    """Line by line: a time, what begins, fails or ends then, and indented lines about it."""

    def __init__(self) -> None:
        self.planned: dict[str, int] = {}
        self.jobs: dict[str, Job] = {}
        self.now = datetime.min
        self.about: dict[str, str] = {}
        self.started: Job | None = None

    def read(self, line: str) -> None:
        """One more line."""
        if found := re.fullmatch(r"\[(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4})\]", line):
            self.now = datetime.strptime(found[1], STAMP)
        elif found := re.fullmatch(r"(?:local)?(?:rule|checkpoint) (\w+):", line):
            self.started = Job(found[1], self.now)
            self.about = self.started.said
        elif re.fullmatch(r"Error in (?:\w+ )?rule \w+.*:", line):
            self.about, self.started = {}, None
        elif found := re.fullmatch(r"    (\w+): (.*)", line):
            self.about[found[1]] = found[2]
            if found[1] == "jobid":
                self._named(found[2])
        elif (found := re.match(r"Finished jobid: (\d+)", line)) and found[1] in self.jobs:
            self.jobs[found[1]].ended = self.now
        elif "total" not in self.planned and (found := re.fullmatch(r"(\w+) +(\d+)", line)):
            self.planned[found[1]] = int(found[2])

    def _named(self, number: str) -> None:
        """The number of the job that began, or failed."""
        if self.started is not None:
            self.jobs[number] = self.started
        elif number in self.jobs:
            self.jobs[number].ended, self.jobs[number].failed = self.now, True
