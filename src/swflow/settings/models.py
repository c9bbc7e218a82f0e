"""Settings of models: whatever is fitted and can be sampled."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from swflow.settings.base import Count, Positive, Settings


class ModelSettings(Settings):
    """What every kind of model declares."""

    teacher: ClassVar[Literal["flow", "data"]] = "flow"
    # Whether entropies between those learned can be asked for.
    interpolates: ClassVar[bool] = False

    entropies: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        None, description="Entropies of the flow to learn from (default: all of them)."
    )


class OptimiserSettings(Settings):
    """The shared training loop: Adam, linear warm-up and cosine decay, averaged weights."""

    steps: Count = 4500
    batch_size: Count = 512
    learning_rate: Positive = 2e-3
    warmup: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="Part of the steps over which the rate rises."
    )
    average_decay: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.999, description="Decay of the exponential moving average of the weights."
    )
    clip_norm: Positive = Field(1.0, description="Largest norm of a gradient.")
    precision: Literal["bfloat16", "float32"] = Field(
        "bfloat16", description="Arithmetic of the products in training (weights are float32)."
    )


class NetworkSettings(Settings):
    """A multilayer perceptron modulated by time."""

    width: Count = 384
    depth: Count = Field(4, description="Hidden layers.")


class NetworkModelSettings(ModelSettings):
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


class GaussianFitSettings(ModelSettings):
    """Mean and covariance of the teacher's particles at each stored time: must fail."""

    kind: Literal["gaussian_fit"] = "gaussian_fit"


ModelKind = FlowMapSettings | TwoTimeMapSettings | VelocitySettings | GaussianFitSettings
AnyModelSettings = Annotated[ModelKind, Field(discriminator="kind")]

MODEL_KINDS: tuple[str, ...] = tuple(
    kind.model_fields["kind"].default for kind in get_args(ModelKind)
)
