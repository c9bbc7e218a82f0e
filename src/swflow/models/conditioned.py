"""What models share that are one network conditioned on time, entropy and class."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from swflow.errors import InputError
from swflow.models.base import Domain, SourceModel
from swflow.networks.mlp import ConditionedMLP
from swflow.randomness import keyed_generator
from swflow.training import TrainingJob, seeded_weights, train_network
from swflow.trajectory import Trajectory


class Lesson(NamedTuple):
    """From an input cloud at time `start` to a goal cloud at `end`, drawn in parts of `weight`."""

    input: int
    goal: int
    start: float
    end: float
    weight: float


class Examples(NamedTuple):
    """What a store teaches: inputs `(j, n, d)`, goals `(k, n, d)`, and how they belong together."""

    inputs: np.ndarray
    goals: np.ndarray
    lessons: list[Lesson]


class ConditionedModel(SourceModel):
    """u(x, c): the conditions c are times on a clock, √ε where it varies, and the class, one-hot.

    The clock is log(1 + τ)/log(1 + horizon), or τ/horizon. Times between 0 and the horizon, and
    entropies between the smallest and the largest learned, are allowed.
    """

    n_clocks: ClassVar[int] = 1

    def __init__(
        self, settings: Any, domain: Domain, network: ConditionedMLP | None = None
    ) -> None:
        self.settings, self.domain = settings, domain
        shape = settings.network
        n_conditions = self.n_clocks + (len(domain.entropies) > 1) + len(domain.labels)
        self.network = network or ConditionedMLP(
            domain.units.dim, n_conditions, shape.width, shape.depth, self.n_clocks
        )

    @abstractmethod
    def examples(self, store: Trajectory, indices: list[int]) -> Examples:
        """What a store teaches at some of its stored times, 0 first."""

    @abstractmethod
    def predict(self, network: ConditionedMLP, x: Tensor, conditions: Tensor) -> Tensor:
        """What the network makes of inputs `(b, d)`, to be compared with the goals."""

    def polish(
        self, network: ConditionedMLP, lessons: "Lessons", step: int, generator: torch.Generator
    ) -> Tensor | float:
        """What the loss has beside the mean square: nothing, unless a kind says otherwise."""
        return 0.0

    @classmethod
    def fit(
        cls,
        settings: Any,
        domain: Domain,
        teacher: Sequence[Trajectory],
        job: TrainingJob,
    ) -> tuple[Self, pd.DataFrame]:
        """Regress the goals of all stores in mean square."""
        indices = learned_indices(len(domain.times), settings.time_stride)
        domain = replace(domain, times=tuple(domain.times[k] for k in indices))
        with seeded_weights(job.seed):
            model = cls(settings, domain)
        lessons = Lessons(model, teacher, indices, job.device)
        size = settings.training.batch_size

        def loss(network: ConditionedMLP, step: int) -> Tensor:
            generator = keyed_generator(job.seed, "train", step)
            x, goal, conditions = lessons.batch(size, generator)
            value = (model.predict(network, x, conditions) - goal).square().mean()
            return value + model.polish(network, lessons, step, generator)

        network, history = train_network(model.network.to(job.device), loss, settings.training, job)
        return cls(settings, domain, network.to("cpu").eval()), history

    def clock(self, time: float) -> float:
        """A time as the network sees it, in [0, 1]."""
        horizon = self.domain.times[-1]
        if self.settings.clock == "linear":
            return time / horizon
        return math.log1p(time) / math.log1p(horizon)

    def time_of(self, clock: float) -> float:
        """The time at which the clock shows this."""
        horizon = self.domain.times[-1]
        if self.settings.clock == "linear":
            return clock * horizon
        return math.expm1(clock * math.log1p(horizon))

    def conditions(
        self, start: float, end: float, entropy: float, label: int | None = None
    ) -> Tensor:
        """The network's conditions, each in [0, 1]: `(1, c)`, without a class those before it."""
        clocks = [self.clock(end), self.clock(start)][: self.n_clocks]
        learned = self.domain.entropies
        strength = [math.sqrt(entropy / max(learned))] if len(learned) > 1 else []
        of_class = [float(label == known) for known in self.domain.labels if label is not None]
        return torch.tensor([[*clocks, *strength, *of_class]], dtype=torch.float32)

    def one_hot(self, label: Tensor) -> Tensor:
        """Classes `(n,)` as columns `(n, number of classes)`."""
        known = torch.tensor(self.domain.labels, device=label.device)
        return (label[:, None] == known).float()

    def check_time(self, time: float) -> None:
        """Any time up to the horizon is allowed."""
        horizon = self.domain.times[-1]
        if not 0 <= time <= horizon * (1 + 1e-9):
            raise InputError(f"time={time:g}: allowed is 0 to {horizon:g}, the trained horizon.")

    def check_entropy(self, entropy: float) -> None:
        """Any entropy within the learned range is allowed."""
        low, high = min(self.domain.entropies), max(self.domain.entropies)
        if not low * (1 - 1e-9) <= entropy <= high * (1 + 1e-9):
            raise InputError(
                f"entropy={entropy:g}: allowed is {low:g} to {high:g}, the trained range; "
                "train a model with more entropies."
            )

    def tensors(self) -> dict[str, Tensor]:
        """The network's weights."""
        return dict(self.network.state_dict())

    @classmethod
    def rebuild(cls, settings: Any, domain: Domain, tensors: dict[str, Tensor]) -> Self:
        """The model with these weights. Raises RuntimeError where they do not fit."""
        model = cls(settings, domain)
        model.network.load_state_dict(tensors)
        model.network.eval()
        return model


def learned_indices(n_times: int, stride: int) -> list[int]:
    """0 and every `stride`-th index, counted from the last: those that a model learns from."""
    return [0, *reversed(range(n_times - 1, 0, -stride))]


class Lessons:
    """All examples in memory: inputs and goals `(e, ·, n, d)`, conditions `(e, lessons, c)`."""

    def __init__(
        self,
        model: ConditionedModel,
        stores: Sequence[Trajectory],
        indices: list[int],
        device: str,
    ) -> None:
        taught = [model.examples(store, indices) for store in stores]
        self.inputs, self.goals = (
            torch.stack([torch.from_numpy(clouds) for clouds in parts]).to(device)
            for parts in zip(*((part.inputs, part.goals) for part in taught), strict=True)
        )
        lessons = taught[0].lessons  # all stores have the same times
        self.conditions = torch.stack(
            [
                torch.cat([model.conditions(of.start, of.end, store.entropy) for of in lessons])
                for store in stores
            ]
        ).to(device)
        label = stores[0].label
        self.classes = None if label is None else model.one_hot(torch.from_numpy(label)).to(device)
        self.at, self.to = torch.tensor([[of.input, of.goal] for of in lessons], device=device).T
        self.weight = torch.tensor([of.weight for of in lessons])

    def batch(self, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs and goals `(size, d)`, conditions `(size, c)`, drawn over all examples."""
        entropies, _, rows, _ = self.goals.shape
        e = torch.randint(entropies, (size,), generator=generator)
        n = torch.randint(rows, (size,), generator=generator)
        lesson = torch.multinomial(self.weight, size, replacement=True, generator=generator)
        return self._examples(e, n, lesson)

    def cloud(self, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """As `batch`, of a single entropy and lesson: two clouds of rows in the same order."""
        entropies, _, rows, _ = self.goals.shape
        e = torch.randint(entropies, (1,), generator=generator).expand(size)
        n = torch.randperm(rows, generator=generator)[:size]
        lesson = torch.multinomial(self.weight, 1, generator=generator).expand(len(n))
        return self._examples(e[: len(n)], n, lesson)

    def _examples(self, e: Tensor, n: Tensor, lesson: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        device = self.goals.device
        e, n, lesson = e.to(device), n.to(device), lesson.to(device)
        conditions = self.conditions[e, lesson]
        if self.classes is not None:
            conditions = torch.cat([conditions, self.classes[n]], dim=1)
        return self.inputs[e, self.at[lesson], n], self.goals[e, self.to[lesson], n], conditions
