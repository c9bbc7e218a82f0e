"""Settings of datasets made of datasets: the latents of images."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from swflow.settings.base import Count, Name, Seed
from swflow.settings.features import ClassifierOptimiserSettings, FeatureSettings
from swflow.settings.networks import ConvolutionalSettings, OptimiserSettings
from swflow.settings.rows import RowsSettings

NotNegative = Annotated[float, Field(ge=0)]


class AutoencoderOptimiserSettings(OptimiserSettings):
    """The same loop with the defaults of an autoencoder."""

    steps: Count = Field(1800, description="Steps of the optimiser.")
    batch_size: Count = Field(128, description="Rows of a step.")


class LatentSettings(RowsSettings):
    """What an autoencoder makes of a dataset of images: rows of `dim` numbers, which it decodes."""

    home: ClassVar[str] = "swflow.datasets.latent:latents"
    kind: Literal["latent"] = "latent"
    of: Name = Field(description="The dataset of images.")
    autoencoder: Name | None = Field(
        None,
        description="Latents of the same images whose autoencoder makes these, too (default: one "
        "of their own; then what is below describes it).",
    )
    n_train: Annotated[int, Field(ge=2)] | None = Field(
        None,
        description="Keep only so many of the training rows (default: all): the last, of which the "
        "classifier of the features has seen none or the fewest.",
    )
    but_last: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Leave out so many of the last training rows before that: what is kept then is "
        "disjoint from rows that another dataset keeps.",
    )
    dim: Annotated[int, Field(ge=2)] = Field(32, description="Numbers that stand for an image.")
    noise: NotNegative = Field(
        0.1, description="Deviation of the noise that the decoder learns to bear, latents having 1."
    )
    divergence: NotNegative = Field(
        0.0,
        description="Weight of the divergence to a normal law; above 0 the encoder is variational.",
    )
    perception: NotNegative = Field(
        1.0,
        description="Weight of differences in what a small classifier sees, beside those of "
        "pixels; it is trained first, on the same images, and scores nothing.",
    )
    critic: FeatureSettings = Field(
        FeatureSettings(
            network=ConvolutionalSettings(width=16), training=ClassifierOptimiserSettings(steps=800)
        ),
        description="That classifier.",
    )
    mirrored: bool = Field(
        False, description="Learn from images turned left to right, too: they are as likely."
    )
    network: ConvolutionalSettings = ConvolutionalSettings()
    training: AutoencoderOptimiserSettings = AutoencoderOptimiserSettings()
    seed: Seed = Field(0, description="Key of every random number.")

    @property
    def made_of(self) -> str | None:
        """The dataset of images."""
        return self.of

    @property
    def fitted(self) -> "LatentSettings":
        """What its autoencoder depends on: not which rows it encodes then."""
        return self.model_copy(update={"n_train": None, "but_last": 0})

    @property
    def encoded_by(self) -> str | None:
        """The dataset whose autoencoder it is."""
        return self.autoencoder
