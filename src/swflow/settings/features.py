"""Settings of the classifier in whose features images are compared."""

from pydantic import Field

from swflow.settings.base import Count, Seed, Settings
from swflow.settings.networks import ConvolutionalSettings, OptimiserSettings


class ClassifierOptimiserSettings(OptimiserSettings):
    """The same loop with the defaults of a classifier."""

    steps: Count = Field(1500, description="Steps of the optimiser.")
    batch_size: Count = Field(128, description="Rows of a step.")


class FeatureSettings(Settings):
    """A classifier of one half of the training images: its last hidden layer are the features."""

    dim: Count = Field(128, description="Numbers of the last hidden layer.")
    network: ConvolutionalSettings = Field(
        ConvolutionalSettings(width=32), description="The classifier."
    )
    training: ClassifierOptimiserSettings = ClassifierOptimiserSettings()
    seed: Seed = Field(0, description="Key of every random number.")
