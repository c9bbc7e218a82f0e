"""The flow map: one pass of a network from a source point to the flow's state at any time."""

import math
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from swflow.errors import InputError
from swflow.models.base import Domain, SourceModel
from swflow.networks.mlp import ConditionedMLP
from swflow.randomness import keyed_generator
from swflow.settings import FlowMapSettings
from swflow.training import train_network
from swflow.trajectory import Trajectory


class FlowMap(SourceModel):
    """X(x₀, τ, ε) = x₀ + c·u(x₀, c, ε), c = log(1 + τ)/log(1 + horizon): exact at τ = 0.

    Times between 0 and the horizon, and entropies between the smallest and the largest learned,
    are allowed.
    """

    kind: ClassVar[str] = "flow_map"

    def __init__(
        self, settings: FlowMapSettings, domain: Domain, network: ConditionedMLP | None = None
    ) -> None:
        self.settings, self.domain = settings, domain
        shape = settings.network
        n_conditions = 1 + (len(domain.entropies) > 1)
        self.network = network or ConditionedMLP(
            domain.units.dim, n_conditions, shape.width, shape.depth
        )

    @classmethod
    def fit(
        cls,
        settings: FlowMapSettings,
        domain: Domain,
        stores: Sequence[Trajectory],
        seed: int,
        device: str,
    ) -> tuple[Self, pd.DataFrame]:
        """Regress the stored pairs (x₀, X_τ), or (x₀, Z_τ) with the twin Z for ε > 0."""
        with torch.random.fork_rng(devices=[]):  # layers draw their initial weights globally
            torch.manual_seed(keyed_generator(seed, "weights").initial_seed())
            model = cls(settings, domain)
        pairs = Pairs(model, stores, device)
        size = settings.training.batch_size

        def loss(network: ConditionedMLP, step: int) -> Tensor:
            x0, goal, conditions = pairs.batch(size, keyed_generator(seed, "train", step))
            moved = x0 + conditions[:, :1] * network(x0, conditions)
            return (moved - goal).square().mean()

        network, history = train_network(model.network.to(device), loss, settings.training)
        return cls(settings, domain, network.to("cpu").eval()), history

    def carry(self, x0: Tensor, time: float, entropy: float) -> Tensor:
        """One pass of the network."""
        conditions = self.conditions(time, entropy).to(x0.device)
        return x0 + conditions[:, :1] * self.network(x0, conditions)

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

    def knows_entropy(self, entropy: float) -> bool:
        """Any entropy within the learned range is known."""
        low, high = min(self.domain.entropies), max(self.domain.entropies)
        return low * (1 - 1e-9) <= entropy <= high * (1 + 1e-9)

    def check_entropy(self, entropy: float) -> None:
        """Refuse an entropy outside the learned range."""
        if not self.knows_entropy(entropy):
            low, high = min(self.domain.entropies), max(self.domain.entropies)
            raise InputError(
                f"entropy={entropy:g}: allowed is {low:g} to {high:g}, the trained range; "
                "train a model with more entropies."
            )

    def tensors(self) -> dict[str, Tensor]:
        """The network's weights."""
        return dict(self.network.state_dict())

    @classmethod
    def rebuild(cls, settings: FlowMapSettings, domain: Domain, tensors: dict[str, Tensor]) -> Self:
        """The map with these weights. Raises RuntimeError where they do not fit."""
        model = cls(settings, domain)
        model.network.load_state_dict(tensors)
        model.network.eval()
        return model


class Pairs:
    """All stored pairs in memory: sources `(e, n, d)` and goals `(e, T − 1, n, d)`."""

    def __init__(self, model: FlowMap, stores: Sequence[Trajectory], device: str) -> None:
        times = model.domain.times
        self.sources = _stack([s.particles(0) for s in stores]).to(device)
        goals = [np.stack([s.paired(k) for k in range(1, len(times))]) for s in stores]
        self.goals = _stack(goals).to(device)
        rows = [[model.conditions(t, s.entropy)[0] for t in times[1:]] for s in stores]
        self.conditions = torch.stack([torch.stack(row) for row in rows]).to(device)

    def batch(self, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Sources and goals `(size, d)`, conditions `(size, c)`, drawn over all pairs.

        A time's probability grows with its clock: the map is harder to learn the later it is.
        """
        entropies, _, particles, _ = self.goals.shape
        e = torch.randint(entropies, (size,), generator=generator).to(self.goals.device)
        n = torch.randint(particles, (size,), generator=generator).to(self.goals.device)
        clock = self.conditions[0, :, 0].cpu()
        t = torch.multinomial(clock, size, replacement=True, generator=generator).to(e.device)
        return self.sources[e, n], self.goals[e, t, n], self.conditions[e, t]


def _stack(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))


MODEL = FlowMap
