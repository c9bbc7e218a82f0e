"""The shared training loop: schedule, averaged weights, history, resuming."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar, cast

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from swflow.checkpoint import Checkpoint
from swflow.errors import InputError
from swflow.progress import progress
from swflow.randomness import keyed_generator
from swflow.settings import OptimiserSettings
from swflow.termination import TerminatedError, noted_termination

HISTORY_ROWS = 200
CHECKPOINT_SECONDS = 60.0

Network = TypeVar("Network", bound=nn.Module)


@dataclass
class TrainingJob:
    """Where and as what a model is trained. Without a checkpoint nothing is kept on the way.

    seconds: spent before an interruption.
    """

    seed: int
    device: str
    checkpoint: Checkpoint | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    seconds: float = field(default=0.0)
    began: float = field(default_factory=time.perf_counter)

    def spent(self) -> float:
        """Wall seconds of this job, those before an interruption included."""
        return self.seconds + time.perf_counter() - self.began

    def fail(self, what: str, remedy: str) -> NoReturn:
        """End training without a model, with what happened and what to do."""
        path = None if self.checkpoint is None else self.checkpoint.path
        where = f" The last good weights are in {path}." if path and path.is_file() else ""
        raise InputError(f"{what}; no model was written. {remedy}.{where}")

    def stop(self, step: int, steps: int) -> NoReturn:
        """End at a step since SIGTERM came, after a checkpoint if there is one."""
        kept = "nothing was kept, rerun it"
        if self.checkpoint is not None:
            kept = f"{self.checkpoint.path} holds step {step} of {steps}, rerun to go on"
        raise TerminatedError(kept)


def train_network(
    network: Network,
    loss: Callable[[Network, int], Tensor],
    settings: OptimiserSettings,
    job: TrainingJob,
    project: Callable[[Network], None] = lambda network: None,
) -> tuple[Network, pd.DataFrame]:
    """Minimise `loss(network, step)`, a scalar; return the averaged network and the history.

    After each step `project` puts weights back where they must be. Weights that a step's loss
    does not depend on stay. The history has columns step, loss (mean since the last row) and
    learning_rate. With a checkpoint an interrupted call goes on where it was, to the same bytes on
    the CPU. Raises InputError where the loss becomes NaN or infinite: nothing usable was learned;
    after SIGTERM TerminatedError, with a checkpoint of the last step.
    """
    state = _State(network, settings)
    state.resume(job)
    every = max(1, settings.steps // HISTORY_ROWS)
    device = next(network.parameters()).device.type
    bar = progress("train", total=settings.steps, initial=state.step)
    kept = time.perf_counter()
    with noted_termination() as told:
        while state.step < settings.steps:
            with torch.autocast(device, torch.bfloat16, enabled=settings.precision == "bfloat16"):
                value = loss(network, state.step)
            rate = state.descend(value)
            project(network)
            state.averaged.update_parameters(network)
            state.losses.append(value.detach())
            state.step += 1
            if state.step % every == 0 or state.step == settings.steps:
                mean = state.add_row(rate, job)
                bar.set_postfix_str(f"loss {mean:.4g}", refresh=False)
            bar.update()
            if told() or time.perf_counter() - kept >= job.checkpoint_seconds:
                state.keep(job)
                kept = time.perf_counter()
            if told():
                job.stop(state.step, settings.steps)
    bar.close()
    return cast(Network, state.averaged.module), pd.DataFrame(state.rows)


class _State(Generic[Network]):
    """All that training changes."""

    def __init__(self, network: Network, settings: OptimiserSettings) -> None:
        self.network, self.settings = network, settings
        self.optimiser = torch.optim.Adam(
            network.parameters(), lr=settings.learning_rate, fused=True
        )
        self.averaged = AveragedModel(
            network, multi_avg_fn=get_ema_multi_avg_fn(settings.average_decay)
        )
        self.step = 0
        self.rows: list[dict[str, float]] = []
        self.losses: list[Tensor] = []  # since the last row

    def descend(self, value: Tensor) -> float:
        """One step down the gradient; returns the learning rate."""
        rate = self.settings.learning_rate * rate_factor(self.step, self.settings)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimiser.step()
        return rate

    def add_row(self, rate: float, job: TrainingJob) -> float:
        """Add a row to the history; returns the mean loss since the last."""
        mean = self.mean_loss(job)
        self.rows.append({"step": self.step, "loss": mean, "learning_rate": rate})
        self.losses.clear()
        return mean

    def mean_loss(self, job: TrainingJob) -> float:
        """The mean loss since the last row; training fails where it is not finite."""
        mean = torch.stack(self.losses).mean().item()
        if not math.isfinite(mean):
            job.fail(
                f"training diverged: the loss is {mean} at step {self.step}",
                "Lower training.learning_rate",
            )
        return mean

    def keep(self, job: TrainingJob) -> None:
        """Replace the checkpoint, by good weights alone."""
        if job.checkpoint is None:
            return
        if self.losses:
            self.mean_loss(job)
        moments = {
            f"optimiser.{index}.{name}": value
            for index, values in self.optimiser.state_dict()["state"].items()
            for name, value in values.items()
        }
        weights = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        averages = {f"averaged.{name}": v for name, v in self.averaged.state_dict().items()}
        losses = {f"losses.{index}": value for index, value in enumerate(self.losses)}
        notes = {"step": self.step, "rows": self.rows, "seconds": job.spent()}
        job.checkpoint.write({**weights, **averages, **moments, **losses}, notes)

    def resume(self, job: TrainingJob) -> None:
        """Go on from the checkpoint, where there is one. Raises InputError if it is of others."""
        found = None if job.checkpoint is None else job.checkpoint.read(job.device)
        if found is None:
            return
        tensors, notes = found
        parts: dict[str, dict[str, Tensor]] = defaultdict(dict)
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = value
        self.network.load_state_dict(parts["network"])
        self.averaged.load_state_dict(parts["averaged"])
        moments: dict[int, dict[str, Any]] = {}
        for name, value in parts["optimiser"].items():
            index, _, rest = name.partition(".")
            moments.setdefault(int(index), {})[rest] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.losses = [parts["losses"][str(index)] for index in range(len(parts["losses"]))]
        self.step, self.rows, job.seconds = notes["step"], notes["rows"], notes["seconds"]


@contextmanager
def seeded_weights(seed: int) -> Iterator[None]:
    """Layers draw their initial weights from torch's global generator: lend it one of our own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(keyed_generator(seed, "weights").initial_seed())
        yield


def rate_factor(step: int, settings: OptimiserSettings) -> float:
    """Part of the learning rate at a step: rises linearly, then falls as half a cosine."""
    rising = max(1, round(settings.warmup * settings.steps))
    falling = max(1, settings.steps - rising)
    if step < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step - rising) / falling)) / 2
