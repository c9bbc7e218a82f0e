"""The simulate stage: from a dataset to a stored trajectory with its distances to the data."""

import math
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from swflow.flow.convergence import Distances
from swflow.flow.group import ALONE, Group
from swflow.flow.integrator import Snapshot, State
from swflow.flow.memory import check_memory
from swflow.flow.run import Run
from swflow.flow.twin import has_twin
from swflow.representation.dataset import Dataset
from swflow.runtime.checkpoint import CHECKPOINT_SECONDS, Checkpoint
from swflow.runtime.errors import InputError
from swflow.runtime.files import bytes_below, exclusive, partial_path
from swflow.runtime.memory import memory_bytes
from swflow.runtime.progress import progress
from swflow.runtime.provenance import memory_since, peak_memory, versions
from swflow.runtime.termination import TerminatedError, noted_termination
from swflow.schedule.steps import step_schedule, stored_times
from swflow.settings import SimulationSettings
from swflow.store.trajectory import CLOUDS, TrajectoryWriter, write_trajectory
from swflow.study.roots import simulation_code


def simulate_dataset(
    dataset: Dataset,
    settings: SimulationSettings,
    seed: int,
    out: Path,
    device: str,
    *,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    group: Group = ALONE,
) -> None:
    """Simulate one flow to the dataset's training rows and store it at `out`.

    About every `checkpoint_seconds` all that is needed to go on is kept beside `out`; the same
    call after an interruption goes on from there, to the same bytes on the CPU.
    Raises InputError where labels are asked of a dataset that has none, memory is too small for the
    clouds or the disk for the store, or a checkpoint belongs to another simulation; after SIGTERM
    TerminatedError, with a checkpoint of the last step.
    """
    memory = peak_memory()
    run = Run(dataset, settings, seed, device, group)
    checkpoint = Checkpoint(out, identity(run))
    with noted_termination() as stop_requested, exclusive(out) if group.leads else nullcontext():
        found = checkpoint.read(device)
        state, notes = (None, _Notes()) if found is None else _resumed(*found)
        if group.leads:
            job = _Job(run, checkpoint, out, checkpoint_seconds, stop_requested, memory)
            job.lead(state, notes)
        else:
            _follow(run, state)


def identity(run: Run) -> dict[str, Any]:
    """What an interrupted simulation must share with another to be gone on with by it."""
    return {
        "settings": run.settings.canonical(),
        "seed": run.seed,
        "data": run.dataset.digest,
        "device": torch.device(run.device).type,
        "processes": run.group.size,
        "code": simulation_code(run.settings),
    }


def _follow(run: Run, state: State | None) -> None:
    """Take a share of the directions, and stop when the leading process does."""
    steps = len(step_schedule(run.settings))

    def after_step(state: State) -> None:
        if run.group.agree(False) and state.step < steps:
            raise TerminatedError("the process that leads has kept a checkpoint")

    for _ in run.snapshots(state, after_step):
        pass


@dataclass
class _Notes:
    """What a checkpoint holds beside tensors."""

    distances: dict[str, list[float]] | None = None
    written: int = 0
    seconds: float = 0.0
    waited: float = 0.0


@dataclass
class _Job:
    """The part of the process that writes: progress, checkpoints, the store.

    memory: bytes in use before the run.
    """

    run: Run
    checkpoint: Checkpoint
    out: Path
    checkpoint_seconds: float
    stop_requested: Callable[[], bool]
    memory: int

    def lead(self, state: State | None, notes: _Notes) -> None:
        """Run the flow, and write what it leads to."""
        run, settings = self.run, self.run.settings
        check_disk(run, self.out)
        if torch.device(run.device).type == "cpu":
            check_memory(settings, run.dataset.sizes, memory_bytes() // run.group.size)
        self.steps = len(step_schedule(settings))
        self.clock = _Clock(notes.seconds)
        self.distances = Distances(run.dataset, settings, run.device, run.seed, notes.distances)
        self.bar = progress("simulate", total=self.steps, initial=state.step if state else 0)
        with write_trajectory(
            self.out,
            stored_times(settings),
            run.labels(settings.n_particles),
            written=notes.written,
            checkpoint=self.checkpoint.path,
        ) as writer:
            writer.waited_seconds = notes.waited
            for snapshot in run.snapshots(state, lambda state: self._after_step(state, writer)):
                writer.write(snapshot.time, _clouds(snapshot))
                self.distances.add(snapshot.particles)
            self.bar.close()
            writer.flush()  # what it waits for counts
            writer.finish(self._attributes(writer), self.run.dataset.units.packed)
        self.checkpoint.remove()

    def _after_step(self, state: State, writer: TrajectoryWriter) -> None:
        self.bar.update()
        stop = self.run.group.agree(self.stop_requested())
        if state.step == self.steps:
            return
        if stop or self.clock.since_checkpoint() >= self.checkpoint_seconds:
            writer.flush()
            spent = self.clock.total(), writer.waited_seconds
            kept = _Notes(self.distances.values, writer.written, *spent)
            self.checkpoint.write(_tensors(state), {**asdict(kept), "step": state.step})
            self.clock.checkpointed()
        if stop:
            raise TerminatedError(
                f"{self.checkpoint.path} holds step {state.step} of {self.steps}, rerun to go on"
            )

    def _attributes(self, writer: TrajectoryWriter) -> dict[str, Any]:
        """All that is said of a finished store."""
        run = self.run
        return {
            "settings": run.settings.canonical(),
            "seed": run.seed,
            "code": self.checkpoint.identity["code"],
            "dataset": run.dataset.name,
            "dataset_digest": run.dataset.digest,
            "units": run.dataset.units.to_json(),
            **self.distances.attributes(),
            "device": run.device,
            "processes": run.group.size,
            "steps": self.steps,
            "versions": versions(),
            "wall_seconds": self.clock.total(),
            "write_seconds": writer.waited_seconds,
            "peak_memory_bytes": peak_memory(),
            "working_set_bytes": memory_since(self.memory),
        }


class _Clock:
    """Wall seconds, those before an interruption included."""

    def __init__(self, before: float) -> None:
        self.began = self.last = time.perf_counter()
        self.before = before

    def total(self) -> float:
        return self.before + time.perf_counter() - self.began

    def since_checkpoint(self) -> float:
        return time.perf_counter() - self.last

    def checkpointed(self) -> None:
        self.last = time.perf_counter()


def check_disk(run: Run, out: Path) -> None:
    """Raise InputError if the store and its checkpoint do not fit on the disk."""
    settings, dim = run.settings, run.dataset.dim
    clouds = 2 + has_twin(settings) + (settings.entropy > 0)
    times = len(stored_times(settings))
    of_particles = settings.n_particles * clouds * times
    of_tracers = settings.n_tracers * times
    # Beside the store two checkpoints, the old one and the one that replaces it.
    of_state = 2 * (2 * settings.n_particles + settings.n_tracers)
    needed = 4 * dim * (of_particles + of_tracers + of_state)
    folder = next(parent for parent in out.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(folder).free + bytes_below(partial_path(out))
    if needed > free:
        raise InputError(
            f"{out}: the trajectory needs {_gigabytes(needed)}, {folder} has {_gigabytes(free)} "
            "free: store fewer times or particles, or choose another place."
        )


def _gigabytes(n: int) -> str:
    return f"{math.ceil(n / 1e6) / 1e3:.3f} GB"


def _clouds(snapshot: Snapshot) -> dict[str, Any]:
    found = {name: getattr(snapshot, name) for name in CLOUDS}
    return {name: cloud.cpu().numpy() for name, cloud in found.items() if cloud is not None}


def _tensors(state: State) -> dict[str, Tensor]:
    found = {"particles": state.particles, "tracers": state.tracers, "twin": state.twin}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def _resumed(tensors: dict[str, Tensor], notes: dict[str, Any]) -> tuple[State, _Notes]:
    step = notes.pop("step")
    state = State(step, tensors["particles"], tensors["tracers"], tensors.get("twin"))
    return state, _Notes(**notes)
