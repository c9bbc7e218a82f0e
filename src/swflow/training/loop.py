"""The shared training loop: schedule, averaged weights, history. What is kept of it is a state."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from swflow.randomness import keyed_generator
from swflow.runtime.errors import InputError
from swflow.settings import OptimiserSettings

HISTORY_ROWS = 200

Network = TypeVar("Network", bound=nn.Module)
History = list[dict[str, float]]
# Tensors and notes from which an interrupted training goes on.
Saved = tuple[Mapping[str, Tensor], Mapping[str, Any]]


class DivergedError(InputError):
    """Training cannot succeed any more: what happened, and what to do."""


@dataclass
class TrainingRun:
    """Where and with which seed a model is trained.

    saved: what an interrupted training left; on_step: called after each step with the state.
    """

    seed: int
    device: str = "cpu"
    saved: Saved | None = None
    on_step: "Callable[[TrainingState[Any]], object]" = field(default=lambda state: None)


class Rounds(Protocol):
    """What some steps of a training learn from, made of the network itself."""

    def begins(self, step: int) -> bool:
        """Whether it is made anew before this step."""

    def begin(self, network: Any, step: int) -> None:
        """Make it, of the averaged network."""


def train_network(
    network: Network,
    loss: Callable[[Network, int], Tensor],
    settings: OptimiserSettings,
    run: TrainingRun,
    *,
    project: Callable[[Network], object] = lambda network: None,
    check: Callable[[int], object] = lambda step: None,
    rounds: Rounds | None = None,
) -> tuple[Network, History]:
    """Minimise `loss(network, step)`, a scalar; return the averaged network and the history.

    After each step `project` puts weights back where they must be. Weights that a step's loss
    does not depend on stay. The history has columns step, loss (mean since the last row) and
    learning_rate; `check` is called with each row of it, and may raise DivergedError. From the same
    `saved` state it goes on to the same bytes on the CPU; a round is gone on with from its
    beginning. Raises DivergedError where the loss becomes NaN or infinite.
    """
    state = TrainingState(network, settings, run.saved, check)
    device = next(network.parameters()).device
    while state.step < settings.steps:
        if rounds is not None and rounds.begins(state.step):
            state.begin_round()
            rounds.begin(state.averaged.module, state.step)
        with arithmetic(settings, device):
            value = loss(network, state.step)
        state.descend(value)
        project(network)
        state.averaged.update_parameters(network)
        if state.ends_row():
            state.add_row()
        run.on_step(state)
    return cast(Network, state.averaged.module), state.rows


def arithmetic(settings: OptimiserSettings, device: torch.device) -> torch.autocast:
    """A context in which products are taken in a training's precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")


class TrainingState(Generic[Network]):
    """All that training changes. `check` is asked whether it can still succeed."""

    def __init__(
        self,
        network: Network,
        settings: OptimiserSettings,
        saved: Saved | None = None,
        check: Callable[[int], object] = lambda step: None,
    ) -> None:
        self.network, self.settings, self.check = network, settings, check
        self.step, self.rate = 0, 0.0
        self.rows: History = []
        self.losses: list[Tensor] = []  # since the last row
        self.round: Saved | None = None  # as it was when the last one began
        self.optimiser = torch.optim.Adam(
            network.parameters(), lr=settings.learning_rate, fused=True
        )
        self.averaged = AveragedModel(
            network, multi_avg_fn=get_ema_multi_avg_fn(settings.average_decay)
        )
        if saved is not None:
            self._load(*saved)
        for group in self.optimiser.param_groups:
            group.setdefault("initial_lr", settings.learning_rate)
        factor = partial(rate_factor, settings)
        self.scheduler = LambdaLR(self.optimiser, factor, last_epoch=self.step - 1)

    def descend(self, value: Tensor) -> None:
        """One step down the gradient of a loss."""
        self.optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.rate = float(self.scheduler.get_last_lr()[0])
        self.optimiser.step()
        self.scheduler.step()
        self.losses.append(value.detach())
        self.step += 1

    def ends_row(self) -> bool:
        """Whether the history has a row of this step."""
        every = max(1, self.settings.steps // HISTORY_ROWS)
        return self.step % every == 0 or self.step == self.settings.steps

    def add_row(self) -> None:
        """Add a row to the history."""
        mean = self.mean_loss()
        self.rows.append({"step": self.step, "loss": mean, "learning_rate": self.rate})
        self.losses.clear()

    def mean_loss(self) -> float:
        """The mean loss since the last row, or that row's. Raises DivergedError as `check` does."""
        self.check(self.step)
        if not self.losses:
            return self.rows[-1]["loss"] if self.rows else math.nan
        mean = float(torch.stack(self.losses).mean())
        if not math.isfinite(mean):
            raise DivergedError(
                f"training diverged: the loss is {mean} at step {self.step}. Lower "
                "training.learning_rate."
            )
        return mean

    def begin_round(self) -> None:
        """From now on `saved` is what there is now: what a round learns from depends on it."""
        self.round = None
        tensors, notes = self.saved()
        kept = {name: value.clone() for name, value in tensors.items()}
        self.round = kept, {**notes, "rows": list(self.rows)}

    def saved(self) -> Saved:
        """Tensors and notes to go on from. Raises DivergedError where the weights are no good."""
        self.mean_loss()
        if self.round is not None:
            return self.round
        moments = {
            f"optimiser.{index}.{name}": value
            for index, values in self.optimiser.state_dict()["state"].items()
            for name, value in values.items()
        }
        weights = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        averages = {f"averaged.{name}": v for name, v in self.averaged.state_dict().items()}
        losses = {f"losses.{index}": value for index, value in enumerate(self.losses)}
        notes = {"step": self.step, "rows": self.rows}
        return {**weights, **averages, **moments, **losses}, notes

    def _load(self, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
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
        self.step, self.rows = int(notes["step"]), list(notes["rows"])


@contextmanager
def seeded_weights(seed: int) -> Iterator[None]:
    """Layers draw their initial weights from torch's global generator: lend it one of our own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(keyed_generator(seed, "weights").initial_seed())
        yield


def rate_factor(settings: OptimiserSettings, step: int) -> float:
    """Part of the learning rate at a step: rises linearly, then falls as half a cosine."""
    rising = max(1, round(settings.warmup * settings.steps))
    falling = max(1, settings.steps - rising)
    if step < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step - rising) / falling)) / 2
