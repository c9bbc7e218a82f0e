"""Settings of what regularises a flow beside the entropy of its law."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from swflow.settings.base import Kind, Positive


class RegulariserSettings(Kind):
    """A regulariser beside the entropy, which every flow has a strength of its own for.

    noisy_target: whether it puts fresh noise on the target's rows at each step.
    """

    kind: str
    noisy_target: ClassVar[bool] = False

    @property
    @abstractmethod
    def strengths(self) -> dict[str, float]:
        """What tables call it, and its parameter."""


class SmoothingSettings(RegulariserSettings):
    """The target convolved with a Gaussian: fresh noise on its rows at each step."""

    home: ClassVar[str] = "swflow.flow.regularisers.smoothing:Smoothing"
    noisy_target: ClassVar[bool] = True
    kind: Literal["smoothing"] = "smoothing"
    width: Positive = Field(0.1, description="Standard deviation, in model units.")

    @property
    def strengths(self) -> dict[str, float]:
        """The width."""
        return {self.kind: self.width}


class SlicedEntropySettings(RegulariserSettings):
    """The entropy of the law's projections: particles spread without noise."""

    home: ClassVar[str] = "swflow.flow.regularisers.sliced_entropy:SlicedEntropy"
    kind: Literal["sliced_entropy"] = "sliced_entropy"
    strength: Positive = Field(
        0.01, description="ε of ε·d·E_θ ∫ρ_θ log ρ_θ; of isotropic Gaussians the entropy's."
    )

    @property
    def strengths(self) -> dict[str, float]:
        """Its ε."""
        return {self.kind: self.strength}


AnyRegulariser = Annotated[SmoothingSettings | SlicedEntropySettings, Field(discriminator="kind")]
