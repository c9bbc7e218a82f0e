"""Settings of what regularises a flow beside the entropy of its law."""

from typing import ClassVar, Literal

from pydantic import Field

from swflow.settings.base import Kind, Positive


class RegulariserSettings(Kind):
    """A regulariser beside the entropy, which every flow has a strength of its own for."""

    kind: str


class SmoothingSettings(RegulariserSettings):
    """The target convolved with a Gaussian: fresh noise on its rows at each step."""

    home: ClassVar[str] = "swflow.flow.regularisers.smoothing:Smoothing"
    kind: Literal["smoothing"] = "smoothing"
    width: Positive = Field(0.1, description="Standard deviation, in model units.")


AnyRegulariser = SmoothingSettings
