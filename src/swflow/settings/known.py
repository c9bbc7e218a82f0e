"""Settings of what is known of an image: pixels that are held while the others are completed."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from swflow.settings.base import Kind

Edge = Annotated[int, Field(ge=0)]
Extent = Annotated[int, Field(ge=1)]


class KnownSettings(Kind):
    """Pixels that are known, in all channels."""

    kind: str


class HalfSettings(KnownSettings):
    """One half of each image is known."""

    home: ClassVar[str] = "swflow.flow.known:half"
    kind: Literal["half"] = "half"
    side: Literal["left", "right", "top", "bottom"] = Field("left", description="Which half.")


class SurroundingsSettings(KnownSettings):
    """All of each image is known but a box."""

    home: ClassVar[str] = "swflow.flow.known:surroundings"
    kind: Literal["surroundings"] = "surroundings"
    box: tuple[Edge, Edge, Extent, Extent] = Field(
        description="What is not known: top, left, height, width, in pixels."
    )


AnyKnown = Annotated[HalfSettings | SurroundingsSettings, Field(discriminator="kind")]
