"""The train stage: from a dataset, and its teacher, to a model folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from swflow.flow.trajectory import Trajectory
from swflow.models.fit import fit
from swflow.models.sampler import Model
from swflow.representation.dataset import Dataset
from swflow.runtime.checkpoint import CHECKPOINT_SECONDS
from swflow.runtime.errors import InputError
from swflow.settings import ModelSettings
from swflow.stages.card import card
from swflow.stages.fitting import write_fitted
from swflow.study.roots import training_code


def train(
    settings: ModelSettings,
    dataset: Dataset,
    runs: Sequence[Trajectory],
    seed: int,
    out: Path,
    device: str,
    *,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Fit one model and write its folder.

    runs: those of one flow, one for each entropy, that the model learns from; none for kinds
    that learn from the data alone. Raises InputError as `fit` does, and for stores of other
    entropies than the settings ask for; interrupted, it goes on as `write_fitted` does, and raises
    what that raises.
    """
    asked, given = getattr(settings, "entropies", None), [run.entropy for run in runs]
    if asked is not None and sorted(asked) != given:
        raise InputError(
            f"entropies = {list(asked)}: the stores are at {given}; give those of these entropies, "
            "or leave entropies out."
        )

    def describe(model: Model) -> dict[str, Any]:
        return {
            "kind": settings.kind,
            "settings": model.settings.model_dump(mode="json"),
            "spec": model.spec.to_json(),
            "dataset_digest": dataset.digest,
            "stores": [run.store.identity for run in runs],
            "simulate_seconds": sum(run.attributes["wall_seconds"] for run in runs),
        }

    write_fitted(
        lambda run: fit(settings, dataset, runs, run),
        describe,
        identity(settings, dataset, runs, seed, device),
        out,
        checkpoint_seconds,
        dataset.units.packed,
        lambda model: card(model, dataset, runs, seed),
    )


def identity(
    settings: ModelSettings,
    dataset: Dataset,
    runs: Sequence[Trajectory],
    seed: int,
    device: str,
) -> dict[str, Any]:
    """What an interrupted training must share with another to be gone on with by it."""
    return {
        "settings": settings.canonical(),
        "seed": seed,
        "data": dataset.digest,
        "stores": [run.store.identity for run in runs],
        "device": device,
        "code": training_code(settings),
    }
