"""Settings of the classifier in whose features images are compared."""

from pydantic import Field

from swflow.settings.base import Count, Settings
from swflow.settings.networks import ConvolutionalSettings, OptimiserSettings


class ClassifierOptimiserSettings(OptimiserSettings):
    """The same loop with the defaults of a classifier."""

    steps: Count = 1500
    batch_size: Count = 128


class FeatureSettings(Settings):
    """A classifier of one half of the training images: its last hidden layer are the features."""

    dim: Count = Field(128, description="Numbers of the last hidden layer.")
    network: ConvolutionalSettings = ConvolutionalSettings(width=32)
    training: ClassifierOptimiserSettings = ClassifierOptimiserSettings()
    seed: int = 0
