"""The optimal map from the source to the data, by two input-convex networks."""

from typing import ClassVar, NoReturn, Self

import pandas as pd
import torch
from torch import Tensor, nn

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.models.base import Domain, Point, SourceModel
from swflow.models.data_model import DataModel
from swflow.networks.icnn import ConvexNetwork
from swflow.randomness import keyed_generator
from swflow.settings import IcnnSettings
from swflow.sources import draw_source
from swflow.training import TrainingJob, seeded_weights, train_network

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


class Icnn(DataModel, SourceModel):
    """x₀ + s(∇g(x₀) − x₀), s from 0 to 1: the optimal map and its displacement interpolation.

    Makkuva et al. 2020, Optimal transport mapping via input convex neural networks, eq. 6:
    sup over f, inf over g of E f(∇g(X)) − E⟨X, ∇g(X)⟩ − E f(Y), for X of the source and rows Y.
    """

    kind: ClassVar[str] = "icnn"
    times: ClassVar[tuple[float, ...]] = (0.0, 1.0)

    def __init__(
        self, settings: IcnnSettings, domain: Domain, potentials: Potentials | None = None
    ) -> None:
        self.settings, self.domain = settings, domain
        self.potentials = potentials or Potentials(settings, domain.units.dim)

    @classmethod
    def fit(
        cls, settings: IcnnSettings, domain: Domain, teacher: Dataset, job: TrainingJob
    ) -> tuple[Self, pd.DataFrame]:
        """Play the game: some steps of g, one of f, and so on."""
        with seeded_weights(job.seed):
            model = cls(settings, domain)
        rows = torch.from_numpy(teacher.rows("train"))
        size, dim = settings.training.batch_size, domain.units.dim
        far = FARTHEST * max(1.0, float(rows.abs().max()))

        def loss(potentials: Potentials, step: int) -> Tensor:
            generator = keyed_generator(job.seed, "train", step)
            x = draw_source(settings.source, size, dim, generator=generator).to(job.device)
            f, g = potentials.f, potentials.g
            of_g = step % (settings.inner_steps + 1) < settings.inner_steps
            potentials.train_only(g if of_g else f)
            mapped = g.gradient(x, create_graph=of_g)
            _check_near(mapped, far, step, job)
            if of_g:
                value = (f(mapped) - (x * mapped).sum(dim=1)).mean()
            else:
                y = rows[torch.randint(len(rows), (size,), generator=generator)].to(job.device)
                value = f(y).mean() - f(mapped.detach()).mean()
            check_value(float(value.detach()), FARTHEST * dim, step, job)
            return value

        potentials, history = train_network(
            model.potentials.to(job.device), loss, settings.training, job, Potentials.project
        )
        return cls(settings, domain, potentials.to("cpu").eval()), history

    def carry(self, x0: Tensor, point: Point) -> Tensor:
        """Along the straight line to where the map leads."""
        return x0 + point.time * (self._gradient(self.potentials.g, x0) - x0)

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
    def rebuild(cls, settings: IcnnSettings, domain: Domain, tensors: dict[str, Tensor]) -> Self:
        """The model with these weights. Raises RuntimeError or ValueError where they do not fit."""
        model = cls(settings, domain)
        model.potentials.load_state_dict(tensors)
        model.potentials.eval()
        for name, network in (("g", model.potentials.g), ("f", model.potentials.f)):
            if not network.is_convex():
                raise InputError(f"{name} is not convex: weights that must be positive are not.")
        return model


def _check_near(mapped: Tensor, far: float, step: int, job: TrainingJob) -> None:
    largest = float(mapped.detach().abs().max())
    if not largest <= far:
        what = f"the map leads to {largest:.3g}, more than {far:.3g} from the data's mean"
        _diverged(what, step, job)


def check_value(value: float, most: float, step: int, job: TrainingJob) -> None:
    """End training where the game's value is beyond ± `most`. Raises InputError."""
    if not abs(value) <= most:
        _diverged(f"its value is {value:.3g}, beyond ± {most:.3g}", step, job)


def _diverged(what: str, step: int, job: TrainingJob) -> NoReturn:
    job.fail(
        f"the max-min game diverged at step {step + 1}: {what}",
        "Lower training.learning_rate, or raise inner_steps",
    )


MODEL = Icnn
