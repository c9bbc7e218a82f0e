"""What models share that are one network conditioned on time and entropy."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from swflow.errors import InputError
from swflow.models.base import Domain, SourceModel
from swflow.networks.mlp import ConditionedMLP
from swflow.randomness import keyed_generator
from swflow.training import train_network
from swflow.trajectory import Trajectory


class ConditionedModel(SourceModel):
    """u(x, c, ε) with the clock c = log(1 + τ)/log(1 + horizon).

    Times between 0 and the horizon, and entropies between the smallest and the largest learned,
    are allowed.
    """

    def __init__(
        self, settings: Any, domain: Domain, network: ConditionedMLP | None = None
    ) -> None:
        self.settings, self.domain = settings, domain
        shape = settings.network
        n_conditions = 1 + (len(domain.entropies) > 1)
        self.network = network or ConditionedMLP(
            domain.units.dim, n_conditions, shape.width, shape.depth
        )

    @abstractmethod
    def examples(self, store: Trajectory) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What a store teaches: inputs and goals `(k, n, d)`, and their k times."""

    @abstractmethod
    def predict(self, network: ConditionedMLP, x: Tensor, conditions: Tensor) -> Tensor:
        """What the network makes of inputs `(b, d)`, to be compared with the goals."""

    @abstractmethod
    def importance(self, conditions: Tensor) -> Tensor:
        """How often each of `k` stored times is drawn in training, up to a factor."""

    @classmethod
    def fit(
        cls,
        settings: Any,
        domain: Domain,
        stores: Sequence[Trajectory],
        seed: int,
        device: str,
    ) -> tuple[Self, pd.DataFrame]:
        """Regress the goals of all stores in mean square."""
        with torch.random.fork_rng(devices=[]):  # layers draw their initial weights globally
            torch.manual_seed(keyed_generator(seed, "weights").initial_seed())
            model = cls(settings, domain)
        examples = _Examples(model, stores, device)
        size = settings.training.batch_size

        def loss(network: ConditionedMLP, step: int) -> Tensor:
            x, goal, conditions = examples.batch(size, keyed_generator(seed, "train", step))
            return (model.predict(network, x, conditions) - goal).square().mean()

        network, history = train_network(model.network.to(device), loss, settings.training)
        return cls(settings, domain, network.to("cpu").eval()), history

    def conditions(self, time: float, entropy: float) -> Tensor:
        """The network's conditions `(1, c)`, each in [0, 1]: clock, and √ε where ε varies."""
        clock = math.log1p(time) / math.log1p(self.domain.times[-1])
        learned = self.domain.entropies
        strength = [math.sqrt(entropy / max(learned))] if len(learned) > 1 else []
        return torch.tensor([[clock, *strength]], dtype=torch.float32)

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


class _Examples:
    """All examples in memory: inputs and goals `(e, k, n, d)`, conditions `(e, k, c)`."""

    def __init__(self, model: ConditionedModel, stores: Sequence[Trajectory], device: str) -> None:
        inputs, goals, times = zip(*(model.examples(store) for store in stores), strict=True)
        self.inputs, self.goals = (
            torch.stack([torch.from_numpy(a) for a in arrays]).to(device)
            for arrays in (inputs, goals)
        )
        self.conditions = torch.stack(
            [
                torch.cat([model.conditions(float(t), store.entropy) for t in own])
                for own, store in zip(times, stores, strict=True)
            ]
        ).to(device)
        self.importance = model.importance(self.conditions[0].cpu())

    def batch(self, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs and goals `(size, d)`, conditions `(size, c)`, drawn over all examples."""
        entropies, _, rows, _ = self.goals.shape
        e = torch.randint(entropies, (size,), generator=generator).to(self.goals.device)
        n = torch.randint(rows, (size,), generator=generator).to(self.goals.device)
        t = torch.multinomial(self.importance, size, replacement=True, generator=generator)
        t = t.to(self.goals.device)
        # One input for all times is stored once.
        at = t if self.inputs.shape[1] > 1 else torch.zeros_like(t)
        return self.inputs[e, at, n], self.goals[e, t, n], self.conditions[e, t]
