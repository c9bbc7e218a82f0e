"""Settings of models: whatever is fitted and can be sampled."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from swflow.settings.base import Count, Kind, Positive, Settings, check_once
from swflow.settings.kinds import classes, or_installed, tag
from swflow.settings.networks import (
    AnyNetwork,
    ConvexNetworkSettings,
    GameOptimiserSettings,
    NetworkSettings,
    OptimiserSettings,
)
from swflow.settings.sources import Source, SourceSettings

Passes = Annotated[tuple[Count, ...], Field(min_length=1)]


class ModelSettings(Kind):
    """What every kind declares.

    learns_from: a flow, or the training rows alone. interpolates: whether entropies between those
    learned can be asked for. maps_optimally: whether it learns the optimal map. by_network: whether
    it is a network, which a GPU trains and draws from where there is one.
    """

    kind: str
    learns_from: ClassVar[Literal["flow", "data"]] = "flow"
    interpolates: ClassVar[bool] = False
    maps_optimally: ClassVar[bool] = False
    by_network: ClassVar[bool] = False


class FlowModelSettings(ModelSettings):
    """A model that learns from a flow."""

    entropies: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)] | None = (
        Field(None, description="Entropies of the flow to learn from (default: all of them).")
    )

    @model_validator(mode="after")
    def _check_entropies(self) -> Self:
        check_once("entropies", self.entropies or ())
        return self


class DataModelSettings(ModelSettings):
    """A model that learns from the training rows alone."""

    learns_from: ClassVar[Literal["flow", "data"]] = "data"


class NetworkModelSettings(FlowModelSettings):
    """A model that is a network conditioned on time and entropy."""

    interpolates: ClassVar[bool] = True
    by_network: ClassVar[bool] = True
    clock: Literal["logarithmic", "linear"] = Field(
        "logarithmic", description="How the network sees time: log(1 + τ), or τ."
    )
    time_stride: Count = Field(
        1,
        description="Learn from every k-th stored time, counted from the last; the others are for "
        "scoring in between.",
    )
    pool_gib: Positive = Field(
        1.0,
        description="Pairs held in memory at once, in GiB; larger stores are streamed through it.",
    )
    network: AnyNetwork = Field(NetworkSettings(), description="mlp, or unet for images.")
    training: OptimiserSettings = OptimiserSettings()


class RoundsSettings(Settings):
    """The network's own points, carried on by the flow to the law of its particles."""

    number: Count = Field(6, description="Rounds, one after the other, at the end of training.")
    part: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.4, description="Part of the training's steps that they share."
    )
    n_points: Count = Field(4000, description="Points of each stored time in a round.")
    n_steps: Count = Field(
        50, description="Steps of the flow that carry them, of size 1 in τ where that is stable."
    )

    def first(self, steps: int) -> int:
        """The first of a training's steps that is theirs."""
        return round((1 - self.part) * steps)


class FlowMapSettings(NetworkModelSettings):
    """The time-conditioned network: (x₀, τ, ε) to the flow's state, in one pass."""

    home: ClassVar[str] = "swflow.models.flow_map:FlowMap"
    kind: Literal["flow_map"] = "flow_map"
    target: Literal["twin", "particles"] = Field(
        "twin",
        description="What is regressed for ε > 0: the deterministic twin, or the noisy particles "
        "themselves (the naive regression, which collapses to their conditional mean).",
    )
    rounds: RoundsSettings | None = Field(
        None,
        description="After the flow's pairs learn from rounds: what the network makes of source "
        "points is carried by the flow to the law of its particles at that time, and learned. For "
        "images in pixels, of which a network cannot follow every pair.",
    )


class TwoTimeMapSettings(NetworkModelSettings):
    """From the flow's state at any time to any later one: one pass, or several that compose."""

    home: ClassVar[str] = "swflow.models.two_time_map:TwoTimeMap"
    kind: Literal["two_time_map"] = "two_time_map"
    passes: Passes = Field(
        (1, 2, 4, 8), description="Passes of the network behind a sample; each is scored."
    )


class VelocitySettings(NetworkModelSettings):
    """The current velocity v − ε∇log ρ and its ODE: many evaluations for a sample."""

    home: ClassVar[str] = "swflow.models.velocity:Velocity"
    kind: Literal["velocity"] = "velocity"
    passes: Passes = Field(
        (16,), description="Evaluations of the network behind a sample; each is scored."
    )


class GaussianFitSettings(FlowModelSettings):
    """Mean and covariance of the teacher's particles at each stored time: must fail."""

    home: ClassVar[str] = "swflow.models.gaussian_fit:GaussianFit"
    kind: Literal["gaussian_fit"] = "gaussian_fit"


class IcnnSettings(DataModelSettings):
    """The optimal map by two input-convex networks in a max-min game (Makkuva et al. 2020)."""

    home: ClassVar[str] = "swflow.models.icnn:Icnn"
    maps_optimally: ClassVar[bool] = True
    by_network: ClassVar[bool] = True
    kind: Literal["icnn"] = "icnn"
    source: Source = Field(SourceSettings(), description="The law that is carried to the data.")
    network: ConvexNetworkSettings = ConvexNetworkSettings()
    inner_steps: Count = Field(3, description="Steps of the map for each step of its opponent.")
    training: GameOptimiserSettings = GameOptimiserSettings()


class LabelledModelSettings(DataModelSettings):
    """A model of the training rows that can learn each class by itself."""

    labels: bool = Field(False, description="Class by class; draws can then be of one class.")


class FlowMatchingSettings(LabelledModelSettings):
    """Conditional flow matching with minibatch optimal transport (Tong et al. 2024)."""

    home: ClassVar[str] = "swflow.models.flow_matching:FlowMatching"
    by_network: ClassVar[bool] = True
    kind: Literal["flow_matching"] = "flow_matching"
    source: Source = Field(SourceSettings(), description="The law that is carried to the data.")
    sigma: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Standard deviation about the straight line between two coupled points."
    )
    passes: Passes = Field(
        (1, 4, 16, 100), description="Evaluations of the network behind a sample; each is scored."
    )
    network: AnyNetwork = Field(NetworkSettings(), description="mlp, or unet for images.")
    training: OptimiserSettings = OptimiserSettings()


class GaussianMixtureModelSettings(LabelledModelSettings):
    """A mixture of Gaussians with full covariances, by expectation maximisation."""

    home: ClassVar[str] = "swflow.models.mixture:Mixture"
    kind: Literal["mixture"] = "mixture"
    n_components: Count = Field(1, description="Gaussians (of each class).")


class KernelDensitySettings(LabelledModelSettings):
    """Training rows drawn again, with Gaussian noise: the memoriser."""

    home: ClassVar[str] = "swflow.models.kernel_density:KernelDensity"
    kind: Literal["kernel_density"] = "kernel_density"
    bandwidth: Positive | Literal["cross_validation"] = Field(
        "cross_validation",
        description="Standard deviation of the noise, in model units; or the one under which "
        "left-out training rows are likeliest.",
    )


_Union = Annotated[
    FlowMapSettings
    | TwoTimeMapSettings
    | VelocitySettings
    | GaussianFitSettings
    | IcnnSettings
    | FlowMatchingSettings
    | GaussianMixtureModelSettings
    | KernelDensitySettings,
    Field(discriminator="kind"),
]
AnyModelSettings = Annotated[_Union, or_installed("swflow.models", _Union)]
MODEL_KINDS = tuple(tag(settings) for settings in classes(_Union))
