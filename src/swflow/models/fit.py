"""The train stage: from a dataset, and its teacher, to a model folder."""

import math
from pathlib import Path

from swflow.checkpoint import Checkpoint
from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.files import atomic_path, exclusive
from swflow.models.base import HISTORY, Domain, kind_class
from swflow.provenance import code_version
from swflow.settings import ModelKind, SimulationSettings, SourceSettings
from swflow.training import CHECKPOINT_SECONDS, TrainingJob
from swflow.trajectory import Trajectory


def fit_model(
    settings: ModelKind,
    dataset: Dataset,
    stores: list[Trajectory],
    seed: int,
    out: Path,
    device: str,
    *,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Fit one model and write its folder.

    stores: those of one flow, one for each entropy, that the model learns from; none for kinds
    that learn from the data alone. About every `checkpoint_seconds` all that is needed to go on is
    kept beside `out`; the same call after an interruption goes on from there.
    Raises InputError where the stores are of another dataset or of different flows, are missing,
    or are given to a kind that takes none, and where a checkpoint belongs to another training.
    """
    kind = kind_class(settings.kind)
    teacher: list[Trajectory] | Dataset
    if settings.teacher == "flow":
        domain, teacher = _domain_of_flow(dataset, stores), stores
    else:
        domain, teacher = _domain_of_data(settings, dataset, stores, kind.times), dataset
    identity = {
        "settings": settings.canonical(),
        "seed": seed,
        "data": dataset.digest,
        "stores": [store.attributes["checksums"] for store in stores],
        "device": device,
        "code": code_version("swflow.models.fit", f"swflow.models.{settings.kind}"),
    }
    checkpoint = Checkpoint(out, identity)
    job = TrainingJob(seed, device, checkpoint, checkpoint_seconds)
    with exclusive(out):
        with atomic_path(out, kept_with=checkpoint.path) as partial:
            partial.mkdir(exist_ok=True)
            model, history = kind.fit(settings, domain, teacher, job)
            attributes = {
                "seed": seed,
                "dataset_digest": dataset.digest,
                "train_seconds": job.spent(),
                "simulate_seconds": sum(store.attributes["wall_seconds"] for store in stores),
            }
            model.save(partial, attributes)
            history.to_csv(partial / HISTORY, index=False)
        checkpoint.remove()


def _domain_of_data(
    settings: ModelKind, dataset: Dataset, stores: list[Trajectory], times: tuple[float, ...]
) -> Domain:
    if stores:
        raise InputError(
            f"{settings.kind} learns from the data alone, and {len(stores)} stores were given: "
            "leave them out."
        )
    source = getattr(settings, "source", SourceSettings())
    return Domain(dataset.name, dataset.units, source, times, entropies=(math.nan,))


def _domain_of_flow(dataset: Dataset, stores: list[Trajectory]) -> Domain:
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
