"""What models share that are one network conditioned on time, entropy and class."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from swflow.flow.trajectory import Trajectory
from swflow.models.completing import CompletingModel
from swflow.models.pairs import PairDataset, RunPairs
from swflow.models.rounds import Conditions, Rounds
from swflow.models.spec import ModelSpec
from swflow.randomness import keyed_generator
from swflow.runtime.errors import InputError
from swflow.settings import RoundsSettings, implementation
from swflow.training.loop import History, TrainingRun, seeded_weights, train_network


class ConditionedModel(CompletingModel):
    """u(x, c): the conditions c are times on a clock, √ε where it varies, and the class, one-hot.

    The clock is log(1 + τ)/log(1 + horizon), or τ/horizon. Times between 0 and the horizon, and
    entropies between the smallest and the largest learned, are allowed.
    """

    n_clocks: ClassVar[int] = 1

    def __init__(self, settings: Any, spec: ModelSpec, network: nn.Module | None = None) -> None:
        self.settings, self.spec = settings, spec
        n_conditions = self.n_clocks + (len(spec.entropies) > 1) + len(spec.labels)
        self.network = network or implementation(settings.network)(
            settings.network, spec.units.event_shape, n_conditions, self.n_clocks
        )

    @abstractmethod
    def pairs_of(self, run: Trajectory, indices: list[int]) -> RunPairs:
        """What a run teaches at some of its stored times, 0 first."""

    @abstractmethod
    def predict(self, network: nn.Module, x: Tensor, conditions: Tensor) -> Tensor:
        """What the network makes of inputs `(b, d)`, to be compared with the goals `(b, d)`."""

    @property
    def rounds(self) -> RoundsSettings | None:
        """Rounds at the end of its training; none unless a kind has them."""
        return None

    @classmethod
    def fit(
        cls, settings: Any, spec: ModelSpec, teacher: Sequence[Trajectory], training: TrainingRun
    ) -> tuple[Self, History]:
        """Regress the goals of all runs in mean square."""
        indices = learned_indices(len(spec.times), settings.time_stride)
        spec = replace(spec, times=tuple(spec.times[k] for k in indices))
        with seeded_weights(training.seed):
            model = cls(settings, spec)
        steps, asked = settings.training.steps, model.rounds
        pairs = PairDataset(
            teacher,
            [model.pairs_of(run, indices) for run in teacher],
            pool_gib=settings.pool_gib,
            steps=steps if asked is None else asked.first(steps),
            seed=training.seed,
            device=training.device,
        )
        known = model.conditions_of_pairs(teacher, pairs).to(training.device)
        label = teacher[0].label
        classes = None if label is None else model.one_hot(torch.from_numpy(label))

        def conditions(run: Tensor, pair: Tensor, row: Tensor) -> Tensor:
            found = known[run, pair]
            if classes is None:
                return found
            return torch.cat([found, classes[row].to(found.device)], dim=1)

        rounds = model._rounds(teacher, indices, conditions, training)

        def loss(network: nn.Module, step: int) -> Tensor:
            generator = keyed_generator(training.seed, "train", step)
            size = settings.training.batch_size
            if rounds is not None and step >= rounds.first:
                batch = rounds.batch(size, generator)
            else:
                batch = pairs.batch(size, step, generator)
            seen = conditions(batch.run, batch.pair, batch.row)
            return (model.predict(network, batch.inputs, seen) - batch.goals).square().mean()

        network = model.network.to(training.device)
        network, history = train_network(network, loss, settings.training, training, rounds=rounds)
        return cls(settings, spec, network.to("cpu").eval()), history

    def _rounds(
        self,
        teacher: Sequence[Trajectory],
        indices: list[int],
        conditions: Conditions,
        training: TrainingRun,
    ) -> Rounds | None:
        asked, optimiser = self.rounds, self.settings.training
        if asked is None:
            return None
        about = self.spec, teacher, indices, self.predict, conditions, training
        return Rounds(asked, optimiser, *about)

    def conditions_of_pairs(self, runs: Sequence[Trajectory], pairs: PairDataset) -> Tensor:
        """Conditions of each time pair of each run, without the class: `(runs, pairs, c)`."""
        return torch.stack(
            [
                torch.cat([self.conditions(of.start, of.end, run.entropy) for of in pairs.pairs])
                for run in runs
            ]
        )

    def clock(self, time: float) -> float:
        """A time as the network sees it, in [0, 1]."""
        horizon = self.spec.times[-1]
        if self.settings.clock == "linear":
            return time / horizon
        return math.log1p(time) / math.log1p(horizon)

    def time_of(self, clock: float) -> float:
        """The time at which the clock shows this."""
        horizon = self.spec.times[-1]
        if self.settings.clock == "linear":
            return clock * horizon
        return math.expm1(clock * math.log1p(horizon))

    def conditions(
        self, start: float, end: float, entropy: float | None, label: int | None = None
    ) -> Tensor:
        """The network's conditions, each in [0, 1]: `(1, c)`, without a class those before it."""
        clocks = [self.clock(end), self.clock(start)][: self.n_clocks]
        learned, strength = self.spec.entropies, []
        if len(learned) > 1:
            assert entropy is not None
            strength = [math.sqrt(entropy / max(learned))]
        of_class = [float(label == known) for known in self.spec.labels if label is not None]
        return torch.tensor([[*clocks, *strength, *of_class]], dtype=torch.float32)

    def check_time(self, time: float) -> None:
        """Any time up to the horizon is allowed."""
        horizon = self.spec.times[-1]
        if not 0 <= time <= horizon * (1 + 1e-6):
            raise InputError(f"time={time:g}: allowed is 0 to {horizon:g}, the trained horizon.")

    def check_entropy(self, entropy: float) -> None:
        """Any entropy within the learned range is allowed."""
        low, high = min(self.spec.entropies), max(self.spec.entropies)
        if not low * (1 - 1e-6) <= entropy <= high * (1 + 1e-6):
            raise InputError(
                f"entropy={entropy:g}: allowed is {low:g} to {high:g}, the trained range; "
                "train a model with more entropies."
            )

    def tensors(self) -> dict[str, Tensor]:
        """The network's weights."""
        return dict(self.network.state_dict())

    @classmethod
    def rebuild(cls, settings: Any, spec: ModelSpec, tensors: dict[str, Tensor]) -> Self:
        """The model with these weights. Raises RuntimeError where they do not fit."""
        model = cls(settings, spec)
        model.network.load_state_dict(tensors)
        model.network.eval()
        return model


def learned_indices(n_times: int, stride: int) -> list[int]:
    """0 and every `stride`-th index, counted from the last: those that a model learns from."""
    return [0, *reversed(range(n_times - 1, 0, -stride))]
