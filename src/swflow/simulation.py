"""The simulate stage: from a dataset to a stored trajectory with its distances to the data."""

import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from swflow.checkpoint import Checkpoint
from swflow.convergence import Distances
from swflow.datasets import Dataset
from swflow.distributed import ALONE, Group
from swflow.errors import InputError
from swflow.files import exclusive, partial_path
from swflow.flow import Snapshot, State, simulate, step_schedule
from swflow.progress import progress
from swflow.provenance import code_version, peak_memory, versions
from swflow.randomness import keyed_generator
from swflow.settings import SimulationSettings
from swflow.sources import draw_source, shared_labels
from swflow.targets import Rows, StoredRows
from swflow.termination import TerminatedError, noted_termination
from swflow.trajectory import CLOUDS, TrajectoryWriter, shared_rows, write_trajectory

CHECKPOINT_SECONDS = 60.0


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
    Raises InputError where labels are asked of a dataset that has none, the disk is too small for
    the store, or a checkpoint belongs to another simulation; after SIGTERM TerminatedError, with a
    checkpoint of the last step.
    """
    job = _Job(dataset, settings, seed, device, group)
    checkpoint = Checkpoint(out, job.identity())
    with noted_termination() as told, exclusive(out) if group.leads else nullcontext():
        found = checkpoint.read(device)
        state, notes = (None, _Notes()) if found is None else _resumed(*found)
        if group.leads:
            _lead(job, checkpoint, state, notes, out, checkpoint_seconds, told)
        else:
            _follow(job, state)


def _follow(job: "_Job", state: State | None) -> None:
    """Take a share of the directions, and stop when the leading process does."""
    steps = len(step_schedule(job.settings))

    def after_step(state: State) -> None:
        if job.group.agree(False) and state.step < steps:
            raise TerminatedError("the process that leads has kept a checkpoint")

    for snapshot in job.snapshots(state, after_step):
        if job.may_stop(snapshot) and job.group.agree(False):
            break


def _lead(
    job: "_Job",
    checkpoint: Checkpoint,
    state: State | None,
    notes: "_Notes",
    out: Path,
    checkpoint_seconds: float,
    told: Callable[[], bool],
) -> None:
    """Run the flow, and write what it leads to: the part of one process among several."""
    check_disk(job, out)
    settings, steps = job.settings, len(step_schedule(job.settings))
    bar = progress("simulate", total=steps, initial=state.step if state else 0)
    clock = _Clock(notes.seconds)
    distances = Distances(job.dataset, settings, job.device, job.seed, notes.distances)
    with write_trajectory(
        out,
        settings.stored_times(),
        job.label(settings.n_particles),
        checksums=notes.checksums,
        checkpoint=checkpoint.path,
    ) as writer:
        writer.waited_seconds = notes.waited

        def after_step(state: State) -> None:
            bar.update()
            stop = job.group.agree(told())
            if state.step == steps:
                return
            if stop or clock.since_checkpoint() >= checkpoint_seconds:
                writer.flush()
                spent = clock.total(), writer.waited_seconds
                kept = _Notes(distances.values, writer.checksums, *spent)
                checkpoint.write(_tensors(state), {**asdict(kept), "step": state.step})
                clock.checkpointed()
            if stop:
                raise TerminatedError(
                    f"{checkpoint.path} holds step {state.step} of {steps}, rerun to go on"
                )

        for snapshot in job.snapshots(state, after_step):
            writer.write(snapshot)
            distances.add(snapshot.particles)
            if job.may_stop(snapshot) and job.group.agree(distances.within(settings.stop_factor)):
                writer.stop()
                break
        bar.close()
        writer.flush()  # what it waits for counts
        writer.finish(job.attributes(writer, distances, clock))
    checkpoint.remove()


@dataclass
class _Notes:
    """What a checkpoint holds beside tensors."""

    distances: dict[str, list[float]] | None = None
    checksums: dict[str, list[int]] | None = None
    seconds: float = 0.0
    waited: float = 0.0


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


class _Job:
    """One simulation: its inputs, all keyed by the seed, and what is to be said of it."""

    def __init__(
        self,
        dataset: Dataset,
        settings: SimulationSettings,
        seed: int,
        device: str,
        group: Group,
    ) -> None:
        self.dataset, self.settings, self.seed = dataset, settings, seed
        self.device, self.group = device, group
        self.memory = peak_memory()
        y = dataset.splits["train"].y
        if settings.labels and y is None:
            raise InputError(
                f"dataset {dataset.name!r} has no labels: set labels: false in the flow."
            )
        self.y = y if settings.labels else None

    def identity(self) -> dict[str, Any]:
        """What an interrupted simulation must share with this one to be gone on with."""
        return {
            "settings": self.settings.canonical(),
            "seed": self.seed,
            "data": self.dataset.digest,
            "device": torch.device(self.device).type,
            "code": code_version("swflow.simulation"),
        }

    def may_stop(self, snapshot: Snapshot) -> bool:
        """Whether the flow may end with this snapshot."""
        return self.settings.stop_factor is not None and snapshot.time > 0

    def label(self, n: int) -> np.ndarray | None:
        """Labels of n points, in the proportions of the training rows."""
        return None if self.y is None else shared_labels(self.y, n)

    def snapshots(
        self, state: State | None, on_step: Callable[[State], object]
    ) -> Iterator[Snapshot]:
        """The flow from its beginning, or from a state."""
        settings, device, dim = self.settings, self.device, self.dataset.dim
        generator = keyed_generator(self.seed, "source", device=device)
        n = settings.n_particles
        source = draw_source(settings.source, n, dim, quasi=settings.quasi, generator=generator)
        # Keyed without the seed: how far runs carry the same points apart is their repeatability.
        shared = keyed_generator("carried", device=device)
        carried = draw_source(settings.source, settings.n_carried, dim, generator=shared)
        if settings.entropy > 0:
            common = shared_rows(n, len(carried))
            source[common] = carried[: len(common)]
        labels = [self.label(n), self.y, self.label(settings.n_carried)]
        return simulate(
            source,
            self.target(),
            settings,
            generator=keyed_generator(self.seed, "simulate", device=device),
            carried=carried,
            **{
                f"{of}_labels": None if y is None else torch.from_numpy(y).to(device)
                for of, y in zip(("source", "target", "carried"), labels, strict=True)
            },
            resume=state,
            on_step=on_step,
            group=self.group,
        )

    def target(self) -> Rows:
        """The training rows, in memory or in the file that they are streamed from."""
        x = self.dataset.splits["train"].x
        if isinstance(x, np.ndarray):
            return torch.from_numpy(self.dataset.rows("train")).to(self.device)
        return StoredRows(x, self.device)

    def attributes(
        self, writer: TrajectoryWriter, distances: Distances, clock: _Clock
    ) -> dict[str, Any]:
        """All that is said of a finished store."""
        return {
            "settings": self.settings.canonical(),
            "seed": self.seed,
            "dataset": self.dataset.name,
            "dataset_digest": self.dataset.digest,
            "units": self.dataset.units.to_json(),
            **distances.attributes(),
            "device": self.device,
            "processes": self.group.size,
            "steps": len(step_schedule(self.settings)),
            "versions": versions(),
            "wall_seconds": clock.total(),
            "write_seconds": writer.waited_seconds,
            "peak_memory_bytes": peak_memory(),
            "working_set_bytes": peak_memory() - self.memory,
        }


def check_disk(job: _Job, out: Path) -> None:
    """Raise InputError if the store and its checkpoint do not fit on the disk."""
    settings, dim = job.settings, job.dataset.dim
    clouds = len(CLOUDS) - 1 if settings.entropy > 0 else 2
    of_particles = settings.n_particles * clouds * len(settings.stored_times())
    of_carried = settings.n_carried * len(settings.stored_times())
    # Beside the store two checkpoints, the old one and the one that replaces it.
    of_state = 2 * (2 * settings.n_particles + settings.n_carried)
    needed = 4 * dim * (of_particles + of_carried + of_state)
    folder = next(parent for parent in out.absolute().parents if parent.is_dir())
    partial = partial_path(out)
    there = sum(file.stat().st_size for file in partial.rglob("*")) if partial.is_dir() else 0
    free = shutil.disk_usage(folder).free + there
    if needed > free:
        raise InputError(
            f"{out}: the trajectory needs {_gigabytes(needed)}, {folder} has {_gigabytes(free)} "
            "free: store fewer times or particles, or choose another place."
        )


def _gigabytes(n: int) -> str:
    return f"{math.ceil(n / 1e6) / 1e3:.3f} GB"


def _tensors(state: State) -> dict[str, Tensor]:
    found = {"particles": state.particles, "carried": state.carried, "twin": state.twin}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def _resumed(tensors: dict[str, Tensor], notes: dict[str, Any]) -> tuple[State, _Notes]:
    step = notes.pop("step")
    state = State(step, tensors["particles"], tensors["carried"], tensors.get("twin"))
    return state, _Notes(**notes)
