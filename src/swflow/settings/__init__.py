"""Settings: data alone, and the only place with defaults and ranges. None of it imports torch."""

from swflow.settings.base import Kind, Settings
from swflow.settings.datasets import (
    ArraySettings,
    CheckerboardSettings,
    ConvexMapSettings,
    DatasetSettings,
    DigitsSettings,
    EightGaussiansSettings,
    GaussianMixtureSettings,
    GaussianSettings,
    MoonsSettings,
    SwissRollSettings,
)
from swflow.settings.features import FeatureSettings
from swflow.settings.flows import (
    FlowFamily,
    FlowSettings,
    IntegrationSettings,
    SimulationSettings,
    StepSchedule,
)
from swflow.settings.images import (
    Cifar10Settings,
    FashionMnistSettings,
    ImageSettings,
    ImagesSettings,
    KmnistSettings,
    MnistSettings,
)
from swflow.settings.kinds import implementation
from swflow.settings.known import HalfSettings, KnownSettings, SurroundingsSettings
from swflow.settings.latents import LatentSettings
from swflow.settings.models import (
    MODEL_KINDS,
    AnyModelSettings,
    DataModelSettings,
    FlowMapSettings,
    FlowMatchingSettings,
    FlowModelSettings,
    GaussianFitSettings,
    GaussianMixtureModelSettings,
    IcnnSettings,
    KernelDensitySettings,
    ModelSettings,
    RoundsSettings,
    TwoTimeMapSettings,
    VelocitySettings,
)
from swflow.settings.networks import (
    ConvolutionalSettings,
    NetworkSettings,
    OptimiserSettings,
    UNetSettings,
)
from swflow.settings.parsing import parse_settings
from swflow.settings.regularisers import SmoothingSettings
from swflow.settings.rows import RowsSettings, SplitSettings, SyntheticSettings
from swflow.settings.scoring import PARTICLES, TEST_SET, SampleSettings, ScoreSettings
from swflow.settings.sources import RandomCovariance, SourceSettings

__all__ = [
    "MODEL_KINDS",
    "PARTICLES",
    "TEST_SET",
    "AnyModelSettings",
    "ArraySettings",
    "CheckerboardSettings",
    "Cifar10Settings",
    "ConvexMapSettings",
    "ConvolutionalSettings",
    "DataModelSettings",
    "DatasetSettings",
    "DigitsSettings",
    "EightGaussiansSettings",
    "FashionMnistSettings",
    "FeatureSettings",
    "FlowFamily",
    "FlowMapSettings",
    "FlowMatchingSettings",
    "FlowModelSettings",
    "FlowSettings",
    "GaussianFitSettings",
    "GaussianMixtureModelSettings",
    "GaussianMixtureSettings",
    "GaussianSettings",
    "HalfSettings",
    "IcnnSettings",
    "ImageSettings",
    "ImagesSettings",
    "IntegrationSettings",
    "KernelDensitySettings",
    "Kind",
    "KmnistSettings",
    "KnownSettings",
    "LatentSettings",
    "MnistSettings",
    "ModelSettings",
    "MoonsSettings",
    "NetworkSettings",
    "OptimiserSettings",
    "RandomCovariance",
    "RoundsSettings",
    "RowsSettings",
    "SampleSettings",
    "ScoreSettings",
    "Settings",
    "SimulationSettings",
    "SmoothingSettings",
    "SourceSettings",
    "SplitSettings",
    "StepSchedule",
    "SurroundingsSettings",
    "SwissRollSettings",
    "SyntheticSettings",
    "TwoTimeMapSettings",
    "UNetSettings",
    "VelocitySettings",
    "implementation",
    "parse_settings",
]
