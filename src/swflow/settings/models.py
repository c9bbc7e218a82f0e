"""Settings of models: whatever is fitted and can be sampled."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from swflow.settings.base import Count, Positive, Settings
from swflow.settings.flows import Source, SourceSettings


class FlowModelSettings(Settings):
    """What every kind declares that learns from a flow."""

    teacher: ClassVar[Literal["flow", "data"]] = "flow"
    # Whether entropies between those learned can be asked for.
    interpolates: ClassVar[bool] = False

    entropies: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        None, description="Entropies of the flow to learn from (default: all of them)."
    )


class DataModelSettings(Settings):
    """What every kind declares that learns from the training rows alone."""

    teacher: ClassVar[Literal["flow", "data"]] = "data"
    interpolates: ClassVar[bool] = False


class OptimiserSettings(Settings):
    """The shared training loop: Adam, linear warm-up and cosine decay, averaged weights."""

    steps: Count = 4500
    batch_size: Count = 512
    learning_rate: Positive = 2e-3
    warmup: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="Part of the steps over which the rate rises."
    )
    average_decay: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.995, description="Decay of the exponential moving average of the weights."
    )
    clip_norm: Positive = Field(1.0, description="Largest norm of a gradient.")
    precision: Literal["bfloat16", "float32"] = Field(
        "bfloat16", description="Arithmetic of the products in training (weights are float32)."
    )


class NetworkSettings(Settings):
    """A multilayer perceptron modulated by time."""

    width: Count = 384
    depth: Count = Field(4, description="Hidden layers.")


class NetworkModelSettings(FlowModelSettings):
    """A model that is a network conditioned on time and entropy."""

    interpolates: ClassVar[bool] = True
    clock: Literal["logarithmic", "linear"] = Field(
        "logarithmic", description="How the network sees time: log(1 + τ), or τ."
    )
    time_stride: Count = Field(
        1,
        description="Learn from every k-th stored time, counted from the last; the others are for "
        "scoring in between.",
    )
    network: NetworkSettings = NetworkSettings()
    training: OptimiserSettings = OptimiserSettings()


class FlowMapSettings(NetworkModelSettings):
    """The time-conditioned network: (x₀, τ, ε) to the flow's state, in one pass."""

    kind: Literal["flow_map"] = "flow_map"
    target: Literal["twin", "particles"] = Field(
        "twin",
        description="What is regressed for ε > 0: the deterministic twin, or the noisy particles "
        "themselves (the naive regression, which collapses to their conditional mean).",
    )
    polish: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="Part of the steps, the last ones, that lower the sliced Wasserstein distance "
        "of whole clouds, too.",
    )


class TwoTimeMapSettings(NetworkModelSettings):
    """From the flow's state at any time to any later one: one pass, or several that compose."""

    kind: Literal["two_time_map"] = "two_time_map"
    passes: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (1, 2, 4, 8), description="Passes of the network behind a sample; each is scored."
    )


class VelocitySettings(NetworkModelSettings):
    """The current velocity v − ε∇log ρ and its ODE: many evaluations for a sample."""

    kind: Literal["velocity"] = "velocity"
    passes: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (16,), description="Evaluations of the network behind a sample; each is scored."
    )


class GaussianFitSettings(FlowModelSettings):
    """Mean and covariance of the teacher's particles at each stored time: must fail."""

    kind: Literal["gaussian_fit"] = "gaussian_fit"


class ConvexNetworkSettings(Settings):
    """An input-convex network (Amos et al. 2017)."""

    width: Count = 64
    depth: Count = Field(3, description="Hidden layers.")
    quadratic: bool = Field(
        True, description="With a term ½|Bx|², B a full matrix: affine maps are then exact."
    )


class GameOptimiserSettings(OptimiserSettings):
    """The same loop with the defaults of a max-min game, whose gradients are noisier."""

    steps: Count = 8000
    batch_size: Count = 1024
    learning_rate: Positive = 5e-3
    precision: Literal["bfloat16", "float32"] = Field(
        "float32", description="Arithmetic in training: maps that are gradients need float32."
    )


class IcnnSettings(DataModelSettings):
    """The optimal map by two input-convex networks in a max-min game (Makkuva et al. 2020)."""

    kind: Literal["icnn"] = "icnn"
    source: Source = Field(SourceSettings(), description="The law that is carried to the data.")
    network: ConvexNetworkSettings = ConvexNetworkSettings()
    inner_steps: Count = Field(3, description="Steps of the map for each step of its opponent.")
    training: GameOptimiserSettings = GameOptimiserSettings()


class FlowMatchingSettings(DataModelSettings):
    """Conditional flow matching with minibatch optimal transport (Tong et al. 2024)."""

    kind: Literal["flow_matching"] = "flow_matching"
    source: Source = Field(SourceSettings(), description="The law that is carried to the data.")
    sigma: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Standard deviation about the straight line between two coupled points."
    )
    passes: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (1, 4, 16, 100), description="Evaluations of the network behind a sample; each is scored."
    )
    network: NetworkSettings = NetworkSettings()
    training: OptimiserSettings = OptimiserSettings()


class KernelDensitySettings(DataModelSettings):
    """Training rows drawn again, with Gaussian noise: the memoriser."""

    kind: Literal["kernel_density"] = "kernel_density"
    bandwidth: Positive | Literal["cross_validation"] = Field(
        "cross_validation",
        description="Standard deviation of the noise, in model units; or the one under which "
        "left-out training rows are likeliest.",
    )


ModelKind = (
    FlowMapSettings
    | TwoTimeMapSettings
    | VelocitySettings
    | GaussianFitSettings
    | IcnnSettings
    | FlowMatchingSettings
    | KernelDensitySettings
)
AnyModelSettings = Annotated[ModelKind, Field(discriminator="kind")]

MODEL_KINDS: tuple[str, ...] = tuple(
    kind.model_fields["kind"].default for kind in get_args(ModelKind)
)
