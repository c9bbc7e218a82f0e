"""Settings of datasets made of datasets: the latents of images."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from swflow.settings.base import Count, Kind, Name
from swflow.settings.networks import OptimiserSettings
from swflow.settings.rows import RowsSettings

NotNegative = Annotated[float, Field(ge=0)]


class ConvolutionalSettings(Kind):
    """Convolutions whose sides are halved, and channels doubled, from level to level."""

    home: ClassVar[str] = "swflow.networks.convolutional:Encoder"
    kind: Literal["convolutional"] = "convolutional"
    width: Annotated[int, Field(ge=8, multiple_of=8)] = Field(
        16, description="Channels at full size; twice and four times as many below."
    )


class AutoencoderOptimiserSettings(OptimiserSettings):
    """The same loop with the defaults of an autoencoder."""

    steps: Count = 1800
    batch_size: Count = 128


class LatentSettings(RowsSettings):
    """What an autoencoder makes of a dataset of images: rows of `dim` numbers, which it decodes."""

    home: ClassVar[str] = "swflow.datasets.latent:latents"
    kind: Literal["latent"] = "latent"
    of: Name = Field(description="The dataset of images.")
    dim: Annotated[int, Field(ge=2)] = Field(32, description="Numbers that stand for an image.")
    noise: NotNegative = Field(
        0.1, description="Deviation of the noise that the decoder learns to bear, latents having 1."
    )
    divergence: NotNegative = Field(
        0.0,
        description="Weight of the divergence to a normal law; above 0 the encoder is variational.",
    )
    mirrored: bool = Field(
        False, description="Learn from images turned left to right, too: they are as likely."
    )
    network: ConvolutionalSettings = ConvolutionalSettings()
    training: AutoencoderOptimiserSettings = AutoencoderOptimiserSettings()
    seed: int = 0

    @property
    def made_of(self) -> str | None:
        """The dataset of images."""
        return self.of
