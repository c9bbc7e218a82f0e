"""Conditional flow matching with minibatch optimal transport: a velocity, and its ODE."""

from typing import Any, ClassVar, Self

import pandas as pd
import torch
from torch import Tensor

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.models.base import Domain, Point, SeveralPasses
from swflow.models.data_model import DataModel
from swflow.models.ode import adams_bashforth
from swflow.networks.mlp import ConditionedMLP
from swflow.randomness import keyed_generator
from swflow.settings import FlowMatchingSettings
from swflow.sources import draw_source
from swflow.training import TrainingJob, seeded_weights, train_network


class FlowMatching(SeveralPasses, DataModel):
    """dx/dt = u(x, t), t from 0 (the source) to 1 (the data); a pass is an evaluation of u.

    OT-CFM (Tong et al. 2024, Improving and generalizing flow-based generative models with
    minibatch optimal transport): u regresses x₁ − x₀ at points between the two, which an optimal
    plan of the batch couples.
    """

    kind: ClassVar[str] = "flow_matching"
    one_pass: ClassVar[str] = "evaluation"
    times: ClassVar[tuple[float, ...]] = (0.0, 1.0)

    def __init__(
        self,
        settings: FlowMatchingSettings,
        domain: Domain,
        network: ConditionedMLP | None = None,
    ) -> None:
        self.settings, self.domain = settings, domain
        shape = settings.network
        self.network = network or ConditionedMLP(domain.units.dim, 1, shape.width, shape.depth)

    @classmethod
    def fit(
        cls, settings: FlowMatchingSettings, domain: Domain, teacher: Dataset, job: TrainingJob
    ) -> tuple[Self, pd.DataFrame]:
        """Regress the velocity of straight lines between coupled points."""
        with seeded_weights(job.seed):
            model = cls(settings, domain)
        rows = torch.from_numpy(teacher.rows("train"))
        size, dim = settings.training.batch_size, domain.units.dim
        matcher, coupling = _matcher(settings.sigma)

        def loss(network: ConditionedMLP, step: int) -> Tensor:
            generator = keyed_generator(job.seed, "train", step)
            x0 = draw_source(settings.source, size, dim, generator=generator)
            x1 = rows[torch.randint(len(rows), (size,), generator=generator)]
            # The package would draw pairs of the plan with NumPy's global generator.
            plan = torch.from_numpy(coupling.get_map(x0, x1))
            x1 = x1[torch.multinomial(plan, 1, generator=generator)[:, 0]]
            t = torch.rand(size, generator=generator)
            noise = torch.randn(size, dim, generator=generator)
            x = matcher.sample_xt(x0, x1, t, noise)
            goal = matcher.compute_conditional_flow(x0, x1, t, x)
            x, t, goal = (part.to(job.device) for part in (x, t, goal))
            return (network(x, t[:, None]) - goal).square().mean()

        network, history = train_network(model.network.to(job.device), loss, settings.training, job)
        return cls(settings, domain, network.to("cpu").eval()), history

    def carry(self, x0: Tensor, point: Point) -> Tensor:
        """Solve the ODE up to the point's time."""

        def slope(x: Tensor, t: float) -> Tensor:
            velocity: Tensor = self.network(x, torch.tensor([[t]], device=x.device))
            return velocity

        return adams_bashforth(slope, x0, point.time, point.passes)

    def tensors(self) -> dict[str, Tensor]:
        """The network's weights."""
        return dict(self.network.state_dict())

    @classmethod
    def rebuild(
        cls, settings: FlowMatchingSettings, domain: Domain, tensors: dict[str, Tensor]
    ) -> Self:
        """The model with these weights. Raises RuntimeError where they do not fit."""
        model = cls(settings, domain)
        model.network.load_state_dict(tensors)
        model.network.eval()
        return model


def _matcher(sigma: float) -> tuple[Any, Any]:
    """The package's path between points, and its coupling of a batch: only training needs them."""
    try:
        from torchcfm.conditional_flow_matching import ConditionalFlowMatcher
        from torchcfm.optimal_transport import OTPlanSampler
    except ImportError as error:
        raise InputError(
            f"flow_matching needs the package torchcfm ({error}): "
            "pip install 'swflow[flow-matching]'."
        ) from error
    return ConditionalFlowMatcher(sigma), OTPlanSampler("exact")


MODEL = FlowMatching
