"""The train stage: from a dataset and its teacher to a model folder."""

import time
from pathlib import Path

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.files import atomic_path
from swflow.models.base import HISTORY, Domain, kind_class
from swflow.settings import ModelKind, SimulationSettings
from swflow.trajectory import Trajectory


def fit_model(
    settings: ModelKind,
    dataset: Dataset,
    stores: list[Trajectory],
    seed: int,
    out: Path,
    device: str,
) -> None:
    """Fit one model to the stores of one flow (one for each entropy) and write its folder.

    Raises InputError where the stores are of another dataset, or of different flows.
    """
    domain = _domain(dataset, stores)
    began = time.perf_counter()
    model, history = kind_class(settings.kind).fit(settings, domain, stores, seed, device)
    attributes = {
        "seed": seed,
        "dataset_digest": dataset.digest,
        "train_seconds": time.perf_counter() - began,
        "simulate_seconds": sum(store.attributes["wall_seconds"] for store in stores),
    }
    with atomic_path(out) as partial:
        partial.mkdir()
        model.save(partial, attributes)
        history.to_csv(partial / HISTORY, index=False)


def _domain(dataset: Dataset, stores: list[Trajectory]) -> Domain:
    if not stores:
        raise InputError("no trajectory store was given: the model learns from at least one.")
    for store in stores:
        if store.attributes["dataset_digest"] != dataset.digest:
            raise InputError(
                f"{store.path}: simulated on other data than dataset {dataset.name!r}; "
                "simulate again."
            )
    families = [_family(store) for store in stores]
    if any(family != families[0] for family in families):
        raise InputError("the stores differ in more than entropy: give stores of one flow.")
    return Domain(
        dataset=dataset.name,
        units=dataset.units,
        source=families[0].source,
        times=tuple(float(t) for t in stores[0].time),
        entropies=tuple(store.entropy for store in stores),
        **stores[0].classes(),
    )


def _family(store: Trajectory) -> SimulationSettings:
    """A store's settings, whatever its entropy."""
    settings = SimulationSettings.model_validate(store.settings)
    return settings.model_copy(update={"entropy": 0.0})
