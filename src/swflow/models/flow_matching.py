"""Conditional flow matching with minibatch optimal transport: a velocity, and its ODE."""

from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from swflow.flow.source import draw_source
from swflow.models.data_model import DataModel
from swflow.models.ode import adams_bashforth
from swflow.models.source_model import SeveralPasses
from swflow.models.spec import Condition, ModelSpec
from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import FlowMatchingSettings, implementation
from swflow.training.loop import History, TrainingRun, seeded_weights, train_network


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
        self, settings: FlowMatchingSettings, spec: ModelSpec, network: nn.Module | None = None
    ) -> None:
        self.settings, self.spec = settings, spec
        self.network = network or implementation(settings.network)(
            settings.network, spec.units.event_shape, 1 + len(spec.labels)
        )

    @classmethod
    def fit(
        cls,
        settings: FlowMatchingSettings,
        spec: ModelSpec,
        teacher: Dataset,
        training: TrainingRun,
    ) -> tuple[Self, History]:
        """Regress the velocity of straight lines between coupled points."""
        with seeded_weights(training.seed):
            model = cls(settings, spec)
        rows, label = torch.from_numpy(teacher.rows("train")), _labels_of(teacher, spec)
        size, dim = settings.training.batch_size, spec.units.dim
        matcher, coupling = _matcher(settings.sigma)

        def loss(network: nn.Module, step: int) -> Tensor:
            generator = keyed_generator(training.seed, "train", step)
            x0 = draw_source(settings.source, size, dim, generator=generator)
            chosen = torch.randint(len(rows), (size,), generator=generator)
            for known in label[chosen].unique():
                # Each class has a plan of its own: all of its points are of the source's law.
                own = torch.nonzero(label[chosen] == known)[:, 0]
                # The package would draw pairs of the plan with NumPy's global generator.
                plan = torch.from_numpy(coupling.get_map(x0[own], rows[chosen[own]]))
                drawn = torch.multinomial(plan, 1, generator=generator)[:, 0]
                chosen[own] = chosen[own][drawn]
            x1 = rows[chosen]
            t = torch.rand(size, generator=generator)
            noise = torch.randn(size, dim, generator=generator)
            x = matcher.sample_xt(x0, x1, t, noise)
            goal = matcher.compute_conditional_flow(x0, x1, t, x)
            conditions = torch.cat([t[:, None], model.one_hot(label[chosen])], dim=1)
            x, conditions, goal = (part.to(training.device) for part in (x, conditions, goal))
            return (network(x, conditions) - goal).square().mean()

        network = model.network.to(training.device)
        network, history = train_network(network, loss, settings.training, training)
        return cls(settings, spec, network.to("cpu").eval()), history

    def carry(self, x0: Tensor, condition: Condition) -> Tensor:
        """Solve the ODE up to the condition's time."""
        assert condition.time is not None

        def slope(x: Tensor, t: float) -> Tensor:
            conditions = torch.cat([torch.tensor([[t]]), of_class], dim=1).to(x.device)
            velocity: Tensor = self.network(x, conditions)
            return velocity

        own = [] if condition.label is None else [condition.label]
        of_class = self.one_hot(torch.tensor(own or [0]))
        return adams_bashforth(slope, x0, condition.time, n_steps=condition.passes)

    def tensors(self) -> dict[str, Tensor]:
        """The network's weights."""
        return dict(self.network.state_dict())

    @classmethod
    def rebuild(
        cls, settings: FlowMatchingSettings, spec: ModelSpec, tensors: dict[str, Tensor]
    ) -> Self:
        """The model with these weights. Raises RuntimeError where they do not fit."""
        model = cls(settings, spec)
        model.network.load_state_dict(tensors)
        model.network.eval()
        return model


def _labels_of(teacher: Dataset, spec: ModelSpec) -> Tensor:
    """The class of each training row `(N,)`: 0 of all where none are learned."""
    y = teacher.splits["train"].y
    if y is None or not spec.labels:
        return torch.zeros(teacher.size("train"), dtype=torch.long)
    return torch.from_numpy(y)


def _matcher(sigma: float) -> tuple[Any, Any]:
    """The package's path between points, and its coupling of a batch: only training needs them."""
    try:
        from torchcfm.conditional_flow_matching import ConditionalFlowMatcher
        from torchcfm.optimal_transport import OTPlanSampler
    except ImportError as error:
        raise InputError(
            f"flow_matching needs the package torchcfm ({error}): pip install torchcfm."
        ) from error
    return ConditionalFlowMatcher(sigma), OTPlanSampler("exact")
