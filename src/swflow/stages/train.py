"""The train stage: from a dataset, and its teacher, to a model folder."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from swflow.flow.trajectory import Trajectory
from swflow.models.fit import fit
from swflow.representation.dataset import Dataset
from swflow.runtime.checkpoint import CHECKPOINT_SECONDS, Checkpoint
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path, exclusive
from swflow.runtime.progress import progress
from swflow.runtime.provenance import versions
from swflow.runtime.termination import TerminatedError, noted_termination
from swflow.settings import ModelSettings
from swflow.store.model import write_model
from swflow.study.roots import training_code
from swflow.training.loop import DivergedError, Saved, TrainingRun, TrainingState


def train(
    settings: ModelSettings,
    dataset: Dataset,
    runs: Sequence[Trajectory],
    seed: int,
    out: Path,
    device: str,
    *,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Fit one model and write its folder.

    runs: those of one flow, one for each entropy, that the model learns from; none for kinds
    that learn from the data alone. About every `checkpoint_seconds` all that is needed to go on is
    kept beside `out`; the same call after an interruption goes on from there, to the same bytes on
    the CPU. Raises InputError as `fit` does, where training diverges, and where a checkpoint
    belongs to another training; after SIGTERM TerminatedError, with a checkpoint of the last step.
    """
    checkpoint = Checkpoint(out, identity(settings, dataset, runs, seed, device))
    with exclusive(out):
        with atomic_path(out, kept_with=checkpoint.path) as partial:
            partial.mkdir(exist_ok=True)
            with Watch(checkpoint, checkpoint_seconds) as watch:
                saved = watch.begin(device)
                training = TrainingRun(seed, device, saved, watch.after_step)
                try:
                    model, history = fit(settings, dataset, runs, training)
                except DivergedError as error:
                    raise InputError(f"{error} No model was written.{watch.kept()}") from error
            description = {
                "kind": settings.kind,
                "settings": model.settings.model_dump(mode="json"),
                "spec": model.spec.to_json(),
                "versions": versions(),
                "seed": seed,
                "dataset_digest": dataset.digest,
                "train_seconds": watch.spent(),
                "simulate_seconds": sum(run.attributes["wall_seconds"] for run in runs),
            }
            write_model(partial, description, model.tensors(), history)
        checkpoint.remove()


def identity(
    settings: ModelSettings,
    dataset: Dataset,
    runs: Sequence[Trajectory],
    seed: int,
    device: str,
) -> dict[str, Any]:
    """What an interrupted training must share with another to be gone on with by it."""
    return {
        "settings": settings.canonical(),
        "seed": seed,
        "data": dataset.digest,
        "stores": [run.store.identity for run in runs],
        "device": device,
        "code": training_code(settings),
    }


class Watch(ExitStack):
    """What follows a training from outside: its progress, its checkpoints, a wish to stop it."""

    def __init__(self, checkpoint: Checkpoint, checkpoint_seconds: float) -> None:
        super().__init__()
        self.checkpoint, self.checkpoint_seconds = checkpoint, checkpoint_seconds
        self.seconds = 0.0  # before an interruption
        self.began = self.last = time.perf_counter()
        self.bar: Any = None

    def begin(self, device: str) -> Saved | None:
        """What an interrupted training left, if there is any."""
        saved = self.checkpoint.read(device)
        if saved is not None:
            self.seconds = float(saved[1]["seconds"])
        return saved

    def spent(self) -> float:
        """Wall seconds, those before an interruption included."""
        return self.seconds + time.perf_counter() - self.began

    def after_step(self, state: TrainingState[Any]) -> None:
        """Show progress; keep a checkpoint now and then, and before stopping."""
        if self.bar is None:  # from now on SIGTERM waits for the end of a step
            self.stop_requested = self.enter_context(noted_termination())
            self.bar = progress("train", total=state.settings.steps, initial=state.step - 1)
            self.callback(self.bar.close)
        if state.ends_row():
            self.bar.set_postfix_str(f"loss {state.rows[-1]['loss']:.4g}", refresh=False)
        self.bar.update()
        stop = self.stop_requested()
        if stop or time.perf_counter() - self.last >= self.checkpoint_seconds:
            tensors, notes = state.saved()
            self.checkpoint.write(tensors, {**notes, "seconds": self.spent()})
            self.last = time.perf_counter()
        if stop:
            raise TerminatedError(
                f"{self.checkpoint.path} holds step {state.step} of {state.settings.steps}, rerun "
                "to go on"
            )

    def kept(self) -> str:
        """Where good weights are, for a message."""
        path = self.checkpoint.path
        return f" The last good weights are in {path}." if path.is_file() else ""
