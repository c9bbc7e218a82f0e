"""Settings of directions, and of plans along each of them."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from swflow.settings.base import Count, Kind, Positive

Side = Annotated[int, Field(ge=1)]


class DirectionsSettings(Kind):
    """Directions to project on.

    uncorrelated: whether the mean of θθᵀ over whole blocks of d directions is exactly I/d.
    in_blocks: whether they come in whole blocks alone.
    """

    kind: str
    uncorrelated: ClassVar[bool] = True
    in_blocks: ClassVar[bool] = False


class OrthonormalSettings(DirectionsSettings):
    """Uniform directions in orthonormal blocks of d."""

    home: ClassVar[str] = "swflow.sliced.directions.dense:orthonormal"
    kind: Literal["orthonormal"] = "orthonormal"


class IndependentSettings(DirectionsSettings):
    """Independent uniform directions."""

    home: ClassVar[str] = "swflow.sliced.directions.dense:independent"
    uncorrelated: ClassVar[bool] = False
    kind: Literal["independent"] = "independent"


class StructuredSettings(DirectionsSettings):
    """Whole orthonormal blocks by fast transforms: faster from about 2,000 dimensions."""

    home: ClassVar[str] = "swflow.sliced.directions.structured:structured"
    in_blocks: ClassVar[bool] = True
    kind: Literal["structured"] = "structured"


class LocalSettings(DirectionsSettings):
    """Orthonormal blocks whose directions live on the tiles of an image, each on one."""

    home: ClassVar[str] = "swflow.sliced.directions.local:local"
    for_images: ClassVar[bool] = True
    in_blocks: ClassVar[bool] = True
    kind: Literal["local"] = "local"
    tiles: tuple[Side | tuple[Side, Side], ...] | None = Field(
        None,
        min_length=1,
        description="Sides of tiles, or (height, width), that divide the image (default: the "
        "whole image, its parts by each common divisor of its sides, and single pixels).",
    )
    shares: tuple[Positive, ...] | None = Field(
        None, description="How often each of `tiles` is drawn, relative to others (default: alike)."
    )

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.shares is not None and len(self.shares) != len(self.tiles or ()):
            raise ValueError(
                f"shares = {list(self.shares)}: give one for each of tiles = "
                f"{list(self.tiles or ())}."
            )
        return self


class ConvolutionalDirectionsSettings(DirectionsSettings):
    """Independent directions of images, each a chain of strided convolutions."""

    home: ClassVar[str] = "swflow.sliced.directions.convolutional:convolutional"
    for_images: ClassVar[bool] = True
    uncorrelated: ClassVar[bool] = False
    kind: Literal["convolutional"] = "convolutional"


AnyDirections = Annotated[
    OrthonormalSettings
    | IndependentSettings
    | StructuredSettings
    | LocalSettings
    | ConvolutionalDirectionsSettings,
    Field(discriminator="kind"),
]


class PlanSettings(Kind):
    """A transport plan between projections on a line.

    condensed: whether what it keeps of the target along a direction is much less than the target.
    """

    kind: str
    condensed: ClassVar[bool] = False

    @property
    def strengths(self) -> dict[str, float]:
        """What it regularises by, as tables call it, and its parameter: nothing by default."""
        return {}


class ExactSettings(PlanSettings):
    """By sorting: each particle to the mean of the target's quantiles at its rank."""

    home: ClassVar[str] = "swflow.sliced.plans.exact:Exact"
    kind: Literal["exact"] = "exact"


class SketchSettings(PlanSettings):
    """By quantiles joined linearly (Liutkus et al. 2019)."""

    home: ClassVar[str] = "swflow.sliced.plans.sketch:Sketch"
    condensed: ClassVar[bool] = True
    kind: Literal["sketch"] = "sketch"
    n_quantiles: Annotated[int, Field(ge=2)] = Field(
        100, description="Quantiles at even levels, 0 and 1 included."
    )

    @property
    def strengths(self) -> dict[str, float]:
        """Few quantiles."""
        return {"quantiles": self.n_quantiles}


class HistogramSettings(PlanSettings):
    """By counting in bins, without sorting."""

    home: ClassVar[str] = "swflow.sliced.plans.histogram:Histogram"
    kind: Literal["histogram"] = "histogram"
    n_bins: Annotated[int, Field(ge=2)] = Field(4096, description="Bins along each direction.")


class PartsSettings(PlanSettings):
    """By a plan between even parts of both laws."""

    condensed: ClassVar[bool] = True
    n_parts: Annotated[int, Field(ge=2)] = Field(
        64, description="Even parts of both laws, between which the plan is."
    )


class EntropicSettings(PartsSettings):
    """By a plan that is blurred at a temperature, each particle to the mean of its partners."""

    home: ClassVar[str] = "swflow.sliced.plans.entropic:Entropic"
    kind: Literal["entropic"] = "entropic"
    temperature: Positive = Field(
        0.1,
        description="γ, of the cost ½|x − y|²: in squared model units. It shrinks what is made.",
    )
    debiased: bool = Field(
        False, description="As the Sinkhorn divergence moves: without what γ shrinks."
    )
    n_iterations: Count = Field(20, description="Sinkhorn's iterations, from the monotone map on.")

    @property
    def strengths(self) -> dict[str, float]:
        """The temperature."""
        return {"entropic_debiased" if self.debiased else "entropic": self.temperature}


class PartialSettings(PartsSettings):
    """By a plan of a part of the mass; the other particles stay."""

    home: ClassVar[str] = "swflow.sliced.plans.partial:Partial"
    kind: Literal["partial"] = "partial"
    mass: Annotated[float, Field(gt=0, le=1)] = Field(
        0.9, description="The part of both laws that is transported."
    )

    @property
    def strengths(self) -> dict[str, float]:
        """The part that is transported."""
        return {"partial": self.mass}


class UnbalancedSettings(PartsSettings):
    """By a plan that gives up mass at a price; particles keep theirs, and move by what travels."""

    home: ClassVar[str] = "swflow.sliced.plans.unbalanced:Unbalanced"
    kind: Literal["unbalanced"] = "unbalanced"
    price: Positive = Field(
        1.0, description="ρ, of KL beside the cost ½|x − y|²: in squared model units."
    )
    n_iterations: Count = Field(50, description="Frank-Wolfe steps.")

    @property
    def strengths(self) -> dict[str, float]:
        """The price of mass that is given up."""
        return {"unbalanced": self.price}


AnyPlan = Annotated[
    ExactSettings
    | SketchSettings
    | HistogramSettings
    | EntropicSettings
    | PartialSettings
    | UnbalancedSettings,
    Field(discriminator="kind"),
]
