"""Fitting a model of any kind: what it learns from, and what it will know."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from swflow.flow.trajectory import Trajectory, class_shares
from swflow.models.sampler import Model
from swflow.models.spec import ModelSpec
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import ModelSettings, SimulationSettings, SourceSettings, implementation
from swflow.training.loop import History, TrainingRun


def fit(
    settings: ModelSettings, dataset: Dataset, runs: Sequence[Trajectory], training: TrainingRun
) -> tuple[Model, History]:
    """Fit one model; returns it with a history of its training.

    runs: those of one flow, one for each entropy, that the model learns from; none for kinds
    that learn from the data alone. Raises InputError where the runs are of another dataset or of
    different flows, are missing, or are given to a kind that takes none.
    """
    kind: Any = implementation(settings)
    if settings.learns_from == "flow":
        fitted: tuple[Model, History] = kind.fit(
            settings, _spec_of_flow(dataset, runs), runs, training
        )
        return fitted
    spec = _spec_of_data(settings, dataset, runs, kind.times)
    fitted = kind.fit(settings, spec, dataset, training)
    return fitted


def _spec_of_data(
    settings: ModelSettings,
    dataset: Dataset,
    runs: Sequence[Trajectory],
    times: tuple[float, ...],
) -> ModelSpec:
    if runs:
        raise InputError(
            f"{settings.kind} learns from the data alone, and {len(runs)} stores were given: "
            "leave them out."
        )
    source = getattr(settings, "source", SourceSettings())
    spec = ModelSpec(dataset.name, dataset.units, source, times)
    if not getattr(settings, "labels", False):
        return spec
    y = dataset.splits["train"].y
    if y is None:
        raise InputError(
            f"{settings.kind} has labels: true, and dataset {dataset.name!r} has none: leave "
            "labels out."
        )
    labels, shares = class_shares(y)
    return replace(spec, labels=labels, label_shares=shares)


def _spec_of_flow(dataset: Dataset, runs: Sequence[Trajectory]) -> ModelSpec:
    if not runs:
        raise InputError("no trajectory store was given: the model learns from at least one.")
    for run in runs:
        if run.attributes["dataset_digest"] != dataset.digest:
            raise InputError(
                f"{run.name}: simulated on other data than dataset {dataset.name!r}; "
                "simulate again."
            )
    families = [_family(run) for run in runs]
    if any(family != families[0] for family in families):
        raise InputError("the stores differ in more than entropy: give stores of one flow.")
    known = families[0].known
    # What is known of an image says of which class it is: networks need not be told.
    labels, shares = runs[0].classes() if known is None else ((), ())
    return ModelSpec(
        dataset=dataset.name,
        units=dataset.units,
        source=families[0].source,
        times=tuple(float(t) for t in runs[0].time),
        entropies=tuple(run.entropy for run in runs),
        labels=labels,
        label_shares=shares,
        known=known,
    )


def _family(run: Trajectory) -> SimulationSettings:
    """A run's settings, whatever its entropy."""
    return run.settings.model_copy(update={"entropy": 0.0})
