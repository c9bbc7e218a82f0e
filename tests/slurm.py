"""A real SLURM on this machine alone: a controller and two nodes on loopback, no accounting."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.pipeline import copied_code

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
STARTUP_SECONDS = 90
# CPUs and MiB that each node says it has; the second has what passes for a GPU.
NODE_CPUS, NODE_MEMORY = 4, 64000
# Of small jobs; simulations are as long as kills in their midst take. So many times are worth
# scoring side by side, where there are cores.
STUDY: dict[str, Any] = {
    "datasets": {
        "eight": {"kind": "eight_gaussians", "n_train": 300, "n_heldout": 99, "n_test": 99}
    },
    "flows": {
        "flow": {
            **{"horizon": 4, "n_times": 5, "step": 0.004, "n_directions": 8, "n_particles": 2000},
        }
    },
    "models": {
        "map": {"kind": "flow_map", "network": {"width": 8, "depth": 1}, "training": {"steps": 9}}
    },
    "experiments": [{"dataset": "eight", "flow": "flow", "models": ["map"]}],
    "sample": {"n": 100},
    "score": {
        **{"n_draws": 50, "n_redraws": 2, "n_large": 60, "n_directions": 8, "n_classifier": 40},
        **{"n_exact": 20, "n_timed": 20, "n_timings": 1},
    },
}
RUNTIME = "min(attempt * 60, 240)"  # minutes; 240 is this cluster's MaxTime

CONFIG = """
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmUser={user}
SlurmdUser={user}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
SlurmdParameters=config_overrides
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
PropagateResourceLimits=NONE
MailProg=/bin/true
InactiveLimit=0
MinJobAge=1200
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=2
PriorityType=priority/basic
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs={cpus} RealMemory={memory}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs={cpus} RealMemory={memory} \
Gres=gpu:toy:1
PartitionName=short Nodes=n1,n2 Default=YES MaxTime=240 DefaultTime=5 State=UP
"""
GRES = "AutoDetect=off\nNodeName=n2 Name=gpu Type=toy File=/dev/null\n"
# A job step loses SLURM_CONF, and the srun inside it must find the configuration all the same.
SRUN = '#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {srun} "$@"\n'


def missing() -> list[str]:
    """The programs that a cluster needs and this machine lacks."""
    return [name for name in (*DAEMONS, *CLIENTS) if _program(name) is None]


class Cluster:
    """A running cluster: its environment, and what it says of jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.daemons = folder, dict[str, "subprocess.Popen[bytes]"]()
        self.environment = os.environ | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }

    def start(self, name: str) -> None:
        """A daemon, also one that was killed."""
        with (self.folder / f"{name}.out").open("a") as log:
            self.daemons[name] = subprocess.Popen(
                _daemons(self.folder)[name],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )

    def ask(self, *command: str) -> str:
        """The output of a client."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def jobs(self) -> list[dict[str, str]]:
        """All jobs of the last minutes: rule and wildcards (comment), state, what they have."""
        names = ["id", "comment", "state", "cpus", "memory", "time"]
        lines = self.ask("squeue", "-h", "-t", "all", "-o", "%i|%k|%T|%C|%m|%l")
        return [dict(zip(names, line.split("|"), strict=True)) for line in lines.splitlines()]


class Project:
    """The project as a user of this cluster edits it, and a study of it below the same folder."""

    def __init__(self, cluster: Cluster, folder: Path, study: dict[str, Any]) -> None:
        self.cluster, self.code = cluster, copied_code(folder / "code")
        self.config, self.run = folder / "study.yaml", folder / "run"
        self.config.write_text(yaml.safe_dump(study))
        path = self.code / "profiles" / "slurm" / "config.yaml"
        profile = yaml.safe_load(path.read_text())
        site = {"slurm_partition": "short", "slurm_account": "toy", "runtime": RUNTIME}
        profile["default-resources"] |= site
        profile |= {"slurm-init-seconds-before-status-checks": 3, "latency-wait": 10}
        path.write_text(yaml.safe_dump(profile))

    def command(self, *options: str) -> list[str]:
        """Snakemake with the profile of clusters."""
        command = [sys.executable, "-m", "snakemake", "-s", str(self.code / "Snakefile")]
        command += ["--workflow-profile", str(self.code / "profiles" / "slurm")]
        command += ["--directory", str(self.run), "--configfile", str(self.config)]
        return [*command, *options]

    def environment(self, *first: Path) -> dict[str, str]:
        """Of Snakemake, and through it of its jobs; first: folders at the head of PATH."""
        paths = [*first, Path(sys.executable).parent, self.cluster.environment["PATH"]]
        return self.cluster.environment | {
            "PATH": os.pathsep.join(map(str, paths)),
            "PYTHONPATH": str(self.code / "src"),
        }


@contextmanager
def running() -> Iterator[Cluster]:
    """Start a cluster, and take it down whatever happens."""
    # A short path: unix sockets hold about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    cluster = Cluster(folder)
    try:
        _configure(folder)
        for name in _daemons(folder):
            cluster.start(name)
            if name == "munged":
                _wait(lambda: (folder / "munge.socket").exists(), folder)
        _wait(lambda: _idle(cluster), folder)
        yield cluster
    finally:
        for process in reversed(cluster.daemons.values()):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path) -> None:
    for name in ("bin", "state", "spool/n1", "spool/n2"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    control, first, second = _free_ports(3)
    values = {
        "folder": folder,
        "host": socket.gethostname().split(".")[0],
        "user": "root" if os.getuid() == 0 else os.environ["USER"],
        "control": control,
        "first": first,
        "second": second,
        "cpus": NODE_CPUS,
        "memory": NODE_MEMORY,
    }
    (folder / "slurm.conf").write_text(CONFIG.format(**values))
    (folder / "gres.conf").write_text(GRES)
    wrapper = folder / "bin" / "srun"
    wrapper.write_text(SRUN.format(folder=folder, srun=_program("srun")))
    wrapper.chmod(0o755)


def _daemons(folder: Path) -> dict[str, list[str]]:
    """The command of each, in the order of their start."""
    munged, slurmctld, slurmd = (str(_program(name)) for name in DAEMONS)
    files = ("socket", "key", "log", "pid", "seed")
    options = {name: f"{folder}/munge.{name}" for name in files}
    named = [f"--{k}{'' if k == 'socket' else '-file'}={v}" for k, v in options.items()]
    return {
        "munged": [munged, "--foreground", "--force", "--num-threads=2", *named],
        "slurmctld": [slurmctld, "-D", "-i"],
        **{f"slurmd-{node}": [slurmd, "-D", "-N", node] for node in ("n1", "n2")},
    }


def _idle(cluster: Cluster) -> bool:
    found = subprocess.run(
        ["sinfo", "-h", "-N", "-o", "%T"],
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.split() == ["idle", "idle"]


def _wait(done: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + STARTUP_SECONDS
    while not done():
        if time.monotonic() > end:
            logs = "\n".join(path.read_text()[-2000:] for path in sorted(folder.glob("*.out")))
            raise RuntimeError(f"SLURM did not start in {STARTUP_SECONDS} s:\n{logs}")
        time.sleep(0.1)


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _program(name: str) -> str | None:
    """Daemons lie where ordinary users' PATH does not lead."""
    return shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
