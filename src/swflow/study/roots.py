"""Which code computes which product: where the digest of each begins.

Kinds are looked up by name when a stage runs: their `home` is a root of its own.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from swflow.runtime.code import code_version
from swflow.settings import (
    FeatureSettings,
    Kind,
    LatentSettings,
    ModelSettings,
    RowsSettings,
    SimulationSettings,
)

# What stages call of models that they look up: their numbers, and a model made of them.
TENSORS = "swflow.models.sampler:Model.tensors"
REBUILT = "swflow.models.sampler:Model.rebuild"
PARTICLES_HOME = "swflow.models.particles:Particles"
REAL_ROWS_HOME = "swflow.models.heldout_rows:HeldoutRows"


def homes(settings: Any) -> Iterator[str]:
    """Where the kinds are at home that settings hold, however deep."""
    if isinstance(settings, Kind):
        yield settings.home
    if isinstance(settings, BaseModel):
        for name in type(settings).model_fields:
            yield from homes(getattr(settings, name))
    elif isinstance(settings, (list, tuple)):
        for inner in settings:
            yield from homes(inner)


def dataset_code(settings: RowsSettings) -> str:
    """Of a dataset's file."""
    make = "swflow.datasets.make"
    decoded = ["swflow.datasets.decoded:decoded_units"] if settings.decoded else []
    return code_version(
        *(f"{make}:make_dataset", f"{make}:model_units", f"{make}:EncodedRows"),
        *(*homes(settings), *decoded),
    )


def autoencoder_code(settings: LatentSettings) -> str:
    """Of an autoencoder's folder."""
    home = "swflow.representation.autoencoder"
    return code_version(
        f"{home}:fit_autoencoder", f"{home}:Autoencoder.tensors", settings.network.home
    )


def features_code(settings: FeatureSettings) -> str:
    """Of the features of images."""
    home = "swflow.representation.features"
    return code_version(
        f"{home}:fit_features", f"{home}:FeatureSpace.tensors", settings.network.home
    )


def simulation_code(settings: SimulationSettings) -> str:
    """Of a trajectory, with its distances to the data."""
    run, distances = "swflow.flow.run:Run", "swflow.flow.convergence:Distances"
    return code_version(
        *(f"{run}.snapshots", f"{run}.labels", f"{distances}.add", f"{distances}.attributes"),
        *homes(settings),
    )


def training_code(settings: ModelSettings) -> str:
    """Of a model's folder."""
    return code_version("swflow.models.fit:fit", TENSORS, *homes(settings))


def sampling_code(*homes: str) -> str:
    """Of stored samples of what is at home there."""
    draws = "swflow.models.draws"
    return code_version(f"{draws}:stored_draws", f"{draws}:sampling_conditions", REBUILT, *homes)


def score_code(module: str, *homes: str) -> str:
    """Of a group of metrics, of what is at home there."""
    return code_version(f"{module}:measure", REBUILT, *homes)


def timing_code(*homes: str) -> str:
    """Of measured seconds."""
    conditions = "swflow.models.draws:sampling_conditions"
    return code_version("swflow.metrics.timing:measure", conditions, REBUILT, *homes)


def collected_code() -> str:
    """Of metrics.csv."""
    return code_version("swflow.metrics.collected:long_form")


def table_code(module: str) -> str:
    """Of a table."""
    return code_version(f"{module}:table", "swflow.report.tables.common:readable")


def figure_code(module: str) -> str:
    """Of a figure."""
    return code_version(f"{module}:figure", "swflow.report.names:renamed")


def pictured_code(kind: str) -> str:
    """Of a picture of samples: a module of `report.pictures`, and which samples are shown."""
    of_samples = "swflow.report.pictures.common"
    shown = (f"{of_samples}:at_end", f"{of_samples}:most_passes")
    return code_version(f"swflow.report.pictures.{kind}:picture", *shown)


def drawn_code(kind: str, *homes: str, function: str = "picture") -> str:
    """Of a picture, or a film, that a model at home there makes: a module of `report.pictures`."""
    made = "swflow.models.sampler:Sampler"
    moved = ("swflow.models.source_model:SourceModel.journey", f"{made}.journey", f"{made}.to_data")
    return code_version(f"swflow.report.pictures.{kind}:{function}", REBUILT, *moved, *homes)
