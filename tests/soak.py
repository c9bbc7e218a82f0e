"""A study of many small jobs on a real SLURM, killed at random: `make soak`.

Jobs, nodes and Snakemake are killed while it runs, and Snakemake is begun again, as its user would.
At the end nothing may be missing, half written or left to do. Writes a table, a timeline and a
figure; exits with 1 where something was lost.
"""

import argparse
import getpass
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from swflow.stages.figures import write_figure
from tests import slurm
from tests.pages import write_page
from tests.pipeline import counted

# Five jobs for each seed, and some for all of them.
STUDY = slurm.STUDY | {
    "flows": {"flow": slurm.STUDY["flows"]["flow"] | {"step": 0.04}},
    "report": {"tables": ["fidelity"], "figures": ["fidelity"], "pictures": False},
}
# At once, more than there are CPUs: Snakemake looks at its jobs every 40 s or so, and until then
# others begin.
JOBS = 6 * slurm.NODE_CPUS
CANCELLED = 0.75  # of the kills of Snakemake, those whose jobs are cancelled
AWAY_SECONDS = 3  # of a node that was killed
HALF = ("partial", "checkpoint", "lock")


class Event(NamedTuple):
    """What was killed, and when."""

    seconds: float
    killed: str


class Soak:
    """A study under way, and what kills it."""

    def __init__(self, cluster: slurm.Cluster, folder: Path, n_seeds: int, seed: int) -> None:
        self.cluster, self.folder, self.rng = cluster, folder, random.Random(seed)
        self.project = slurm.Project(cluster, folder, STUDY | {"seeds": list(range(n_seeds))})
        self.events: list[Event] = []
        self.submitted: dict[str, str] = {}  # the last state of each job, by its number
        self.timeline: list[tuple[float, int]] = []
        self.begins, self.began = 0, time.monotonic()
        self.planned = sum(counted(self.ask_snakemake("--dry-run")).values())
        self.process = self.begin()

    def ask_snakemake(self, *options: str) -> str:
        """What it says; raises CalledProcessError where it fails."""
        return subprocess.run(
            self.project.command(*options),
            env=self.project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        ).stdout

    def begin(self) -> "subprocess.Popen[bytes]":
        """Snakemake, in a session of its own: not even its children are told of its death."""
        if self.begins:
            self.ask_snakemake("--unlock")
        self.begins += 1
        with (self.folder / "snakemake.log").open("ab") as log:
            return subprocess.Popen(
                self.project.command("--keep-going", "--jobs", str(JOBS)),
                env=self.project.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def look(self) -> None:
        """Note what the cluster says of jobs: it forgets them."""
        self.submitted |= {job["id"]: job["state"] for job in self.cluster.jobs()}
        self.timeline.append((self.seconds(), Counter(self.submitted.values())["COMPLETED"]))

    def kill_job(self) -> str | None:
        """One that runs, at once or with time to end; None where none does."""
        running = [job["id"] for job in self.cluster.jobs() if job["state"] == "RUNNING"]
        if not running:
            return None
        signal = self.rng.choice(["--signal=KILL", "--full"])
        subprocess.run(
            ["scancel", signal, self.rng.choice(running)],
            env=self.cluster.environment,
            check=False,  # it may have ended by now
            capture_output=True,
        )
        return "a job"

    def kill_node(self) -> str:
        """The daemon of a node, which comes back."""
        name = self.rng.choice(["slurmd-n1", "slurmd-n2"])
        self.cluster.daemons[name].kill()
        self.cluster.daemons[name].wait()
        time.sleep(AWAY_SECONDS)
        self.cluster.start(name)
        return "a node's slurmd"

    def kill_snakemake(self) -> str:
        """And begin it again, its jobs cancelled or not: docs/cluster.md asks for that."""
        self.process.kill()
        self.process.wait()
        cancelled = self.rng.random() < CANCELLED
        if cancelled:
            self.cluster.ask("scancel", "--user", getpass.getuser())
        self.process = self.begin()
        return "Snakemake and its jobs" if cancelled else "Snakemake"

    def go(self, every: float, minutes: float) -> None:
        """Until it is done, with a kill every so many seconds on average; it is stopped then.

        Raises SystemExit where it is not done in so many minutes.
        """
        kills: list[Callable[[], str | None]] = [self.kill_job, self.kill_node, self.kill_snakemake]
        weights, next_kill = (6, 2, 1), self.rng.expovariate(1 / every)
        try:
            while self.process.poll() != 0:
                if self.process.poll() is not None:  # a job failed more often than it may
                    self.process = self.begin()
                if self.seconds() > 60 * minutes:
                    raise SystemExit(f"Not done in {minutes:g} minutes:\n{self.log()[-4000:]}")
                if self.seconds() > next_kill:
                    (kill,) = self.rng.choices(kills, weights)
                    if killed := kill():
                        self.events.append(Event(self.seconds(), killed))
                    next_kill = self.seconds() + self.rng.expovariate(1 / every)
                self.look()
                time.sleep(1)
        finally:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        """What Snakemake said, all of its lives."""
        return (self.folder / "snakemake.log").read_text()

    def lost(self) -> list[str]:
        """What is missing, half written or left to do: nothing, if all is well."""
        results = self.project.run / "results"
        found = [str(path) for ending in HALF for path in results.rglob(f"*.{ending}")]
        plan = self.ask_snakemake("--dry-run")
        if "Nothing to be done" not in plan:
            found.append(plan)
        verify = [sys.executable, "-m", "swflow.cli", "verify", str(results)]
        said = subprocess.run(
            verify, env=self.project.environment(), capture_output=True, text=True, check=False
        )
        return [*found, *([said.stdout + said.stderr] if said.returncode else [])]

    def table(self) -> list[tuple[str, object]]:
        """What happened, in numbers."""
        killed = Counter(event.killed for event in self.events)
        states = Counter(self.submitted.values())
        return [
            ("jobs of the study", self.planned),
            ("submitted", len(self.submitted)),
            *((f"ended as {state}", n) for state, n in sorted(states.items())),
            *((f"kills of {name}", n) for name, n in sorted(killed.items())),
            ("times that Snakemake was begun", self.begins),
            ("minutes", f"{self.seconds() / 60:.1f}"),
        ]


def drawn(timeline: pd.DataFrame, events: pd.DataFrame) -> Figure:
    """Jobs that were done over minutes; marks: what was killed."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(timeline["seconds"] / 60, timeline["done"], color="0.25")
    styles = {
        "a job": ("v", "C0"),
        "a node's slurmd": ("s", "C1"),
        "Snakemake": ("X", "C3"),
        "Snakemake and its jobs": ("P", "C2"),
    }
    for killed, (marker, colour) in styles.items():
        at = events.loc[events["killed"] == killed, "seconds"]
        done = [timeline.loc[timeline["seconds"] <= when, "done"].max() for when in at]
        axes.plot(at / 60, done, marker, color=colour, label=f"kills of {killed}", ms=6)
    axes.set(xlabel="minutes", ylabel="jobs done")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def main() -> None:
    """Soak, and write what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=97, help="of the study: five jobs each")
    parser.add_argument("--every", type=float, default=60, help="seconds between kills, on average")
    parser.add_argument("--minutes", type=float, default=60, help="given up after these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="Markdown; a figure and a timeline beside it")
    given = parser.parse_args()
    with slurm.running() as cluster, tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(cluster, Path(folder), given.seeds, given.seed)
        soak.go(given.every, given.minutes)
        lost = soak.lost()
    lines = [*soak.table(), ("lost, half written or left to do", len(lost))]
    print(*(f"{name}: {value}" for name, value in lines), *lost, sep="\n")
    if given.out:
        table = pd.DataFrame(lines, columns=["what", "how many"])
        write_page(given.out, "A study soaked in faults", "make soak", table)
        timeline = pd.DataFrame(soak.timeline, columns=["seconds", "done"])
        events = pd.DataFrame(soak.events, columns=Event._fields)
        joined = pd.concat([timeline, events]).sort_values("seconds")
        joined.to_csv(given.out.with_suffix(".csv"), index=False, float_format="%.1f")
        write_figure(drawn(timeline, events), given.out.with_suffix(""))
    raise SystemExit(bool(lost))


if __name__ == "__main__":
    main()
