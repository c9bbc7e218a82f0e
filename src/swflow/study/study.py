"""A whole study: presets, and the experiments that combine them. It validates; `plan` plans."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from swflow.settings import (
    PARTICLES,
    TEST_SET,
    AnyModelSettings,
    DatasetSettings,
    FeatureSettings,
    FlowFamily,
    RowsSettings,
    SampleSettings,
    ScoreSettings,
    Settings,
)
from swflow.settings.base import Count, Name, Seed, check_once

# The folder of what learns from the data alone, without a flow.
DATA = "data"
# The key of a preset that names another one, whose values it has but for its own.
BASE = "base"
# Directory names that presets may not take.
RESERVED = {"models": (PARTICLES, TEST_SET), "flows": (DATA,)}


class Experiment(Settings):
    """One dataset and one flow, with the models to be scored against it."""

    dataset: Name
    flow: Name
    models: tuple[Name, ...] = ()
    disjoint: Name | None = Field(
        None,
        description="A dataset of other rows, with the same flow and models in another experiment: "
        "how far apart both carry the same source points is scored.",
    )


class Report(Settings):
    """What is made of a study's scores."""

    tables: tuple[Name, ...] | None = Field(
        None, description="Tables, by name (default: all that the study fills)."
    )
    figures: tuple[Name, ...] | None = Field(
        None, description="Numeric figures, by name (default: all that the study fills)."
    )
    pictures: bool = Field(True, description="Pictures and films of samples, too.")
    timings: bool = Field(True, description="Measure seconds, too: draws of each row, alone.")


class Study(Settings):
    """The whole config file."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=2)] = Field(
        (0, 1, 2), description="At least two: a model is scored against another seed's flow."
    )
    gpus: Annotated[int, Field(ge=0)] = Field(0, description="GPUs of each heavy job.")
    threads: Count = Field(1, description="CPU threads of each process of a heavy job.")
    processes: Count = Field(
        1, description="Processes that share the directions of one simulation (GPUs: one each)."
    )
    datasets: dict[Name, DatasetSettings] = Field({}, description="Presets of data, by name.")
    flows: dict[Name, FlowFamily] = Field({}, description="Presets of flows, by name.")
    models: dict[Name, AnyModelSettings] = Field({}, description="Presets of models, by name.")
    experiments: tuple[Experiment, ...] = Field(
        (), description="What is combined: {dataset, flow, models}."
    )
    names: dict[Name, str] = Field(
        {}, description="What figures call presets: {preset: words}; tables keep their names."
    )
    features: FeatureSettings = FeatureSettings()
    sample: SampleSettings = SampleSettings()
    score: ScoreSettings = ScoreSettings()
    report: Report = Report()

    @model_validator(mode="before")
    @classmethod
    def _with_their_bases(cls, values: Any) -> Any:
        """Presets that say `base: other` and what differs, written out."""
        if not isinstance(values, Mapping):
            return values
        found = dict(values)
        for section in ("datasets", "flows", "models"):
            presets = values.get(section)
            if isinstance(presets, Mapping):
                found[section] = {name: _written_out(section, name, presets) for name in presets}
        return found

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_once("seeds", self.seeds)
        for section, reserved in RESERVED.items():
            if taken := sorted(set(getattr(self, section)) & set(reserved)):
                raise ValueError(f"{section}.{taken[0]}: this name is reserved; choose another.")
        known = {*self.datasets, *self.flows, *self.models}
        if unknown := sorted(set(self.names) - known):
            raise ValueError(
                f"names.{unknown[0]}: no preset is called so: defined are "
                f"{', '.join(sorted(known))}."
            )
        for name, dataset in self.datasets.items():
            self._check_made_of(f"datasets.{name}", dataset)
        for index, experiment in enumerate(self.experiments):
            self._check_experiment(f"experiments.{index}", experiment)
        return self

    def labelled(self, dataset: str) -> bool:
        """Whether rows of a dataset come with labels: those of what it is made of, too."""
        settings = self.datasets[dataset]
        return settings.labelled if settings.made_of is None else self.labelled(settings.made_of)

    def images_of(self, dataset: str) -> str | None:
        """The dataset of images that the rows of one are, or stand for; None where there is none.

        Those are compared in the features of a classifier, too.
        """
        settings = self.datasets[dataset]
        if settings.made_of is not None:
            return settings.made_of
        return dataset if settings.pictured else None

    def autoencoder_of(self, dataset: str) -> str | None:
        """The dataset whose autoencoder makes the latents of one; None of what are no latents."""
        settings = self.datasets[dataset]
        return None if settings.made_of is None else settings.encoded_by or dataset

    def _check_made_of(self, where: str, settings: RowsSettings) -> None:
        of, other = settings.made_of, settings.encoded_by
        if of is None:
            return
        if of not in self.datasets:
            raise ValueError(
                f"{where}.of: {of!r} is not a preset under datasets: defined are "
                f"{', '.join(self.datasets)}."
            )
        if self.datasets[of].made_of is not None:
            raise ValueError(f"{where}.of: {of!r} is made of another dataset itself; name that.")
        if other is None:
            return
        known = self.datasets.get(other)
        if known is None or known.made_of != of or known.encoded_by is not None:
            raise ValueError(
                f"{where}.autoencoder: {other!r} is no dataset of latents of {of!r} with an "
                "autoencoder of its own."
            )

    def _check_experiment(self, where: str, experiment: Experiment) -> None:
        for section, names in (
            ("datasets", [experiment.dataset]),
            ("flows", [experiment.flow]),
            ("models", experiment.models),
        ):
            presets = getattr(self, section)
            for name in names:
                if name not in presets:
                    raise ValueError(
                        f"{where}: {name!r} is not a preset under {section}: "
                        f"defined are {', '.join(presets) or 'none'}."
                    )
        family = self.flows[experiment.flow]
        if family.labels and not self.labelled(experiment.dataset):
            raise ValueError(
                f"{where}: flow {experiment.flow!r} has labels: true, "
                f"dataset {experiment.dataset!r} has no labels."
            )
        if family.known is not None and self.images_of(experiment.dataset) != experiment.dataset:
            raise ValueError(
                f"{where}: flow {experiment.flow!r} holds known pixels, and rows of dataset "
                f"{experiment.dataset!r} are no images: name the images themselves, or leave known "
                "out."
            )
        self._check_disjoint(where, experiment)
        self._check_shapes(where, experiment)
        for name in experiment.models:
            if getattr(self.models[name], "labels", False) and not self.labelled(
                experiment.dataset
            ):
                raise ValueError(
                    f"{where}: model {name!r} has labels: true, dataset {experiment.dataset!r} has "
                    "no labels."
                )
            learned = getattr(self.models[name], "entropies", None) or ()
            if unknown := sorted(set(learned) - set(family.entropies)):
                raise ValueError(
                    f"{where}: model {name!r} learns at entropies {unknown}, "
                    f"flow {experiment.flow!r} has {list(family.entropies)}: "
                    "add them to the flow or take them from the model."
                )

    def _check_shapes(self, where: str, experiment: Experiment) -> None:
        """Raise ValueError where what is for images alone is asked of rows of `dim` numbers."""
        if getattr(self.datasets[experiment.dataset], "dim", None) is None:
            return
        directions = self.flows[experiment.flow].directions
        for_images = [f"directions: {directions.kind}"] if directions.for_images else []
        for name in experiment.models:
            network = getattr(self.models[name], "network", None)
            if getattr(network, "for_images", False):
                for_images.append(f"model {name!r}, a U-Net")
        if for_images:
            raise ValueError(
                f"{where}: rows of dataset {experiment.dataset!r} are no images, which "
                f"{' and '.join(for_images)} are for."
            )

    def _check_disjoint(self, where: str, experiment: Experiment) -> None:
        """Raise ValueError where the flow and models are not those of other rows, too."""
        other = experiment.disjoint
        if other is None:
            return
        if self.flows[experiment.flow].known is not None:
            raise ValueError(
                f"{where}.disjoint: flow {experiment.flow!r} holds pixels of training rows: two "
                "have no source points in common; leave disjoint or known out."
            )
        same = [e for e in self.experiments if (e.dataset, e.flow) == (other, experiment.flow)]
        missing = {*experiment.models} - {model for e in same for model in e.models}
        if not same or missing or other == experiment.dataset:
            raise ValueError(
                f"{where}.disjoint: {other!r} must be another dataset that has an experiment with "
                f"flow {experiment.flow!r} and models {list(experiment.models)}."
            )


def _written_out(
    section: str, name: str, presets: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Any:
    """A preset with the values of its base, of that one's base, and so on. Raises ValueError."""
    preset = presets[name]
    if not isinstance(preset, Mapping) or BASE not in preset:
        return preset
    base, chain = preset[BASE], (*above, name)
    if not isinstance(base, str) or base not in presets:
        raise ValueError(
            f"{section}.{name}.base: {base!r} is not a preset under {section}: defined are "
            f"{', '.join(presets)}."
        )
    if base in chain:
        raise ValueError(f"{section}.{name}.base: {' -> '.join((*chain, base))} has no end.")
    under = _written_out(section, base, presets, chain)
    if not isinstance(under, Mapping):
        raise ValueError(f"{section}.{base}: {under!r} is no mapping of keys to values.")
    return {**under, **{key: value for key, value in preset.items() if key != BASE}}
