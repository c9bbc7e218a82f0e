"""Settings: the only place with defaults and ranges. Importing this does not import torch."""

from swflow.settings.base import Settings, parse_settings
from swflow.settings.datasets import (
    ArraySettings,
    CheckerboardSettings,
    DatasetSettings,
    DigitsSettings,
    EightGaussiansSettings,
    GaussianSettings,
    MoonsSettings,
    SplitSettings,
    SwissRollSettings,
    SyntheticSettings,
)
from swflow.settings.flows import (
    FlowFamily,
    FlowSettings,
    SimulationSettings,
    SourceSettings,
    StepSchedule,
)
from swflow.settings.models import (
    MODEL_KINDS,
    AnyModelSettings,
    FlowMapSettings,
    GaussianFitSettings,
    ModelKind,
    ModelSettings,
    NetworkSettings,
    OptimiserSettings,
    TwoTimeMapSettings,
    VelocitySettings,
)
from swflow.settings.scoring import SampleSettings, ScoreSettings
from swflow.settings.study import PARTICLES, TEST_SET, Experiment, Run, Study

__all__ = [
    "MODEL_KINDS",
    "PARTICLES",
    "TEST_SET",
    "AnyModelSettings",
    "ArraySettings",
    "CheckerboardSettings",
    "DatasetSettings",
    "DigitsSettings",
    "EightGaussiansSettings",
    "Experiment",
    "FlowFamily",
    "FlowMapSettings",
    "FlowSettings",
    "GaussianFitSettings",
    "GaussianSettings",
    "ModelKind",
    "ModelSettings",
    "MoonsSettings",
    "NetworkSettings",
    "OptimiserSettings",
    "Run",
    "SampleSettings",
    "ScoreSettings",
    "Settings",
    "SimulationSettings",
    "SourceSettings",
    "SplitSettings",
    "StepSchedule",
    "Study",
    "SwissRollSettings",
    "SyntheticSettings",
    "TwoTimeMapSettings",
    "VelocitySettings",
    "parse_settings",
]
