"""The optimal map from the source to the data, by two input-convex networks."""

from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from swflow.flow.source import draw_source
from swflow.models.data_model import DataModel
from swflow.models.source_model import SourceModel
from swflow.models.spec import Condition, ModelSpec
from swflow.networks.icnn import ConvexNetwork
from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import IcnnSettings
from swflow.training.loop import (
    DivergedError,
    History,
    TrainingRun,
    seeded_weights,
    train_network,
)

# Data in model units spread over about 1: a map that leads this far has diverged, and so has a game
# whose value is so many times E⟨X, Y⟩, at most about d.
FARTHEST = 100.0


class Potentials(nn.Module):
    """Two convex functions: ∇g carries the source to the data, ∇f the data to the source."""

    def __init__(self, settings: IcnnSettings, dim: int) -> None:
        super().__init__()
        shape = settings.network
        self.g = ConvexNetwork(dim, shape.width, shape.depth, shape.quadratic)
        self.f = ConvexNetwork(dim, shape.width, shape.depth, shape.quadratic)

    def train_only(self, which: ConvexNetwork) -> None:
        """Let one of them learn."""
        for network in (self.g, self.f):
            network.requires_grad_(network is which)

    def project(self) -> None:
        """Make both convex again."""
        self.g.project()
        self.f.project()


class Limits:
    """How far the map leads and the game's value goes, watched without waiting for the device.

    far: largest coordinate of a map that has not diverged; most: of the value.
    """

    def __init__(self, far: float, most: float, device: str) -> None:
        self.far, self.most = far, most
        self.largest = torch.zeros(2, device=device)

    def watch(self, mapped: Tensor, value: Tensor) -> None:
        """Note a step's map `(n, d)` and value."""
        now = torch.stack([mapped.detach().abs().max(), value.detach().abs()]).float()
        self.largest = torch.maximum(self.largest, now)

    def check(self, step: int) -> None:
        """Raise DivergedError where one was beyond its limit since training began."""
        farthest, value = self.largest.tolist()
        remedy = "Lower training.learning_rate, or raise inner_steps."
        what = None
        if not farthest <= self.far:
            what = f"the map leads to {farthest:.3g}, more than {self.far:.3g} from the data's mean"
        elif not value <= self.most:
            what = f"its value is {value:.3g}, beyond ± {self.most:.3g}"
        if what is not None:
            raise DivergedError(f"the max-min game diverged by step {step}: {what}. {remedy}")


class Icnn(DataModel, SourceModel):
    """x₀ + s(∇g(x₀) − x₀), s from 0 to 1: the optimal map and its displacement interpolation.

    Makkuva et al. 2020, Optimal transport mapping via input convex neural networks, eq. 6:
    sup over f, inf over g of E f(∇g(X)) − E⟨X, ∇g(X)⟩ − E f(Y), for X of the source and rows Y.
    """

    kind: ClassVar[str] = "icnn"
    times: ClassVar[tuple[float, ...]] = (0.0, 1.0)

    def __init__(
        self, settings: IcnnSettings, spec: ModelSpec, potentials: Potentials | None = None
    ) -> None:
        self.settings, self.spec = settings, spec
        self.potentials = potentials or Potentials(settings, spec.units.dim)

    @classmethod
    def fit(
        cls, settings: IcnnSettings, spec: ModelSpec, teacher: Dataset, training: TrainingRun
    ) -> tuple[Self, History]:
        """Play the game: some steps of g, one of f, and so on."""
        with seeded_weights(training.seed):
            model = cls(settings, spec)
        rows, device = torch.from_numpy(teacher.rows("train")), training.device
        size, dim = settings.training.batch_size, spec.units.dim
        limits = Limits(FARTHEST * max(1.0, float(rows.abs().max())), FARTHEST * dim, device)

        def loss(potentials: Potentials, step: int) -> Tensor:
            generator = keyed_generator(training.seed, "train", step)
            x = draw_source(settings.source, size, dim, generator=generator).to(device)
            f, g = potentials.f, potentials.g
            of_g = step % (settings.inner_steps + 1) < settings.inner_steps
            potentials.train_only(g if of_g else f)
            mapped = g.gradient(x, create_graph=of_g)
            if of_g:
                value = (f(mapped) - (x * mapped).sum(dim=1)).mean()
            else:
                y = rows[torch.randint(len(rows), (size,), generator=generator)].to(device)
                value = f(y).mean() - f(mapped.detach()).mean()
            limits.watch(mapped, value)
            return value

        potentials, history = train_network(
            model.potentials.to(device),
            loss,
            settings.training,
            training,
            project=Potentials.project,
            check=limits.check,
        )
        return cls(settings, spec, potentials.to("cpu").eval()), history

    def carry(self, x0: Tensor, condition: Condition) -> Tensor:
        """Along the straight line to where the map leads."""
        assert condition.time is not None
        return x0 + condition.time * (self._gradient(self.potentials.g, x0) - x0)

    def inverse(self, x: Tensor) -> Tensor:
        """Points of the data `(n, d)` back to the source, in model units: ∇f."""
        return self._gradient(self.potentials.f, x)

    def _gradient(self, network: ConvexNetwork, x: Tensor) -> Tensor:
        with torch.inference_mode(False):
            return network.gradient(x.clone()).detach()

    def tensors(self) -> dict[str, Tensor]:
        """Both networks' weights."""
        return dict(self.potentials.state_dict())

    @classmethod
    def rebuild(cls, settings: IcnnSettings, spec: ModelSpec, tensors: dict[str, Tensor]) -> Self:
        """The model with these weights. Raises RuntimeError or ValueError where they do not fit."""
        model = cls(settings, spec)
        model.potentials.load_state_dict(tensors)
        model.potentials.eval()
        for name, network in (("g", model.potentials.g), ("f", model.potentials.f)):
            if not network.is_convex():
                raise InputError(f"{name} is not convex: weights that must be positive are not.")
        return model
