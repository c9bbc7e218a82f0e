"""What stages that train networks share: progress, checkpoints, a folder whole or not at all."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor

from swflow.runtime.checkpoint import Checkpoint
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path, exclusive
from swflow.runtime.progress import progress
from swflow.runtime.provenance import versions
from swflow.runtime.termination import TerminatedError, noted_termination
from swflow.store.model import CARD, write_model
from swflow.training.loop import DivergedError, History, Saved, TrainingRun, TrainingState


class Fitted(Protocol):
    """What was fitted."""

    def tensors(self) -> Mapping[str, Tensor]:
        """Its numbers."""


Kind = TypeVar("Kind", bound=Fitted)


def write_fitted(
    fit: Callable[[TrainingRun], tuple[Kind, History]],
    describe: Callable[[Kind], Mapping[str, Any]],
    identity: Mapping[str, Any],
    out: Path,
    checkpoint_seconds: float,
    decoder: bytes | None = None,
    card: Callable[[Kind], str] | None = None,
) -> None:
    """Fit and write the folder, whole or not at all, with a card where there is one.

    identity: what an interrupted training must share with another to be gone on with by it, `seed`
    and `device` included. About every `checkpoint_seconds` all that is needed to go on is kept
    beside `out`; the same call after an interruption goes on from there, to the same bytes on the
    CPU. Raises InputError where training diverges, and where a checkpoint belongs to another
    training; after SIGTERM TerminatedError, with a checkpoint of the last step.
    """
    checkpoint = Checkpoint(out, identity)
    with exclusive(out):
        with atomic_path(out, kept_with=checkpoint.path) as partial:
            partial.mkdir(exist_ok=True)
            with Watch(checkpoint, checkpoint_seconds) as watch:
                saved = watch.begin(identity["device"])
                run = TrainingRun(identity["seed"], identity["device"], saved, watch.after_step)
                try:
                    fitted, history = fit(run)
                except DivergedError as error:
                    raise InputError(f"{error} No model was written.{watch.kept()}") from error
            said = {"versions": versions(), "seed": identity["seed"]}
            said["train_seconds"] = watch.spent()
            write_model(partial, {**describe(fitted), **said}, fitted.tensors(), history, decoder)
            if card is not None:
                (partial / CARD).write_text(card(fitted))
        checkpoint.remove()


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
                    f"{self.checkpoint.path} holds step {notes['step']} of "
                    f"{state.settings.steps}, rerun to go on"
                )

    def kept(self) -> str:
        """Where good weights are, for a message."""
        path = self.checkpoint.path
        return f" The last good weights are in {path}." if path.is_file() else ""
