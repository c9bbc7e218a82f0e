"""A whole study: presets, and the experiments that combine them."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from swflow.settings.base import Count, Name, Settings
from swflow.settings.datasets import (
    ArraySettings,
    ConvexMapSettings,
    DatasetSettings,
    GaussianSettings,
)
from swflow.settings.flows import FlowFamily
from swflow.settings.models import AnyModelSettings, IcnnSettings, NetworkModelSettings
from swflow.settings.scoring import SampleSettings, ScoreSettings

# Rows of every experiment beside its models: the flow itself, and held-out real data.
PARTICLES, TEST_SET = "particles", "test_set"
# Directory names of teachers and rows that presets may not take.
RESERVED_MODELS = (PARTICLES, TEST_SET)
RESERVED_FLOWS = ("data",)


class Experiment(Settings):
    """One dataset and one flow, with the models to be scored against it."""

    dataset: Name
    flow: Name
    models: tuple[Name, ...] = ()


class Run(NamedTuple):
    """One row of one experiment at one seed: the wildcards of a score."""

    dataset: str
    teacher: str
    model: str
    seed: int


class Study(Settings):
    """The whole config file."""

    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=2)] = Field(
        (0, 1, 2), description="At least two: a model is scored against another seed's flow."
    )
    gpus: Annotated[int, Field(ge=0)] = Field(0, description="GPUs of each heavy job.")
    threads: Count = Field(1, description="CPU threads of each process of a heavy job.")
    processes: Count = Field(
        1, description="Processes that share the directions of one simulation (GPUs: one each)."
    )
    datasets: dict[Name, DatasetSettings] = {}
    flows: dict[Name, FlowFamily] = {}
    models: dict[Name, AnyModelSettings] = {}
    experiments: tuple[Experiment, ...] = ()
    sample: SampleSettings = SampleSettings()
    score: ScoreSettings = ScoreSettings()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds = {list(self.seeds)}: each may appear once.")
        for section, names, reserved in (
            ("models", self.models, RESERVED_MODELS),
            ("flows", self.flows, RESERVED_FLOWS),
        ):
            if taken := sorted(set(names) & set(reserved)):
                raise ValueError(f"{section}.{taken[0]}: this name is reserved; choose another.")
        for index, experiment in enumerate(self.experiments):
            self._check_experiment(index, experiment)
        return self

    def _check_experiment(self, index: int, experiment: Experiment) -> None:
        where = f"experiments.{index}"
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
        family, dataset = self.flows[experiment.flow], self.datasets[experiment.dataset]
        if family.labels and not has_labels(dataset):
            raise ValueError(
                f"{where}: flow {experiment.flow!r} has labels: true, "
                f"dataset {experiment.dataset!r} has no labels."
            )
        for name in experiment.models:
            unknown = set(self._listed_entropies(name) or ()) - set(family.entropies)
            if unknown:
                raise ValueError(
                    f"{where}: model {name!r} learns at entropies {sorted(unknown)}, "
                    f"flow {experiment.flow!r} has {list(family.entropies)}: "
                    "add them to the flow or take them from the model."
                )

    # What the rules ask: each answer depends on nothing but this study.

    def model_entropies(self, flow: str, model: str) -> list[float]:
        """The entropies at which a row learns from (or is) the flow."""
        own = self._listed_entropies(model)
        return list(self.flows[flow].entropies if own is None else own)

    def sampled_entropies(self, flow: str, model: str) -> list[float]:
        """The entropies of the flow at which a row can be drawn, learned from or not."""
        learned = self.model_entropies(flow, model)
        if model not in self.models or not self.models[model].interpolates:
            return learned
        low, high = min(learned), max(learned)
        return [e for e in self.flows[flow].entropies if low <= e <= high]

    def sampled_times(self, flow: str, model: str) -> list[float]:
        """The times at which a row is drawn beyond those it learned from: none, or all stored."""
        settings = self.models.get(model)
        between = isinstance(settings, NetworkModelSettings) and settings.time_stride > 1
        return self.flows[flow].stored_times()[1:] if between else []

    def seed_after(self, seed: int, places: int) -> int:
        """The seed `places` further in the list, cyclic."""
        return self.seeds[(self.seeds.index(seed) + places) % len(self.seeds)]

    def teacher(self, flow: str, model: str) -> str:
        """The folder of a row's products: its flow's name, or `data` where no flow is behind it."""
        from_rows = model == TEST_SET or getattr(self.models.get(model), "teacher", "") == "data"
        return "data" if from_rows else flow

    def runs(self) -> Iterator[Run]:
        """Every row of every experiment at every seed, each once."""
        seen = set()
        for experiment in self.experiments:
            for model in (PARTICLES, TEST_SET, *experiment.models):
                for seed in self.seeds:
                    teacher = self.teacher(experiment.flow, model)
                    run = Run(experiment.dataset, teacher, model, seed)
                    if run not in seen:
                        seen.add(run)
                        yield run

    def tables(self) -> list[str]:
        """The tables that this study fills."""
        gaussian = any(
            isinstance(self.datasets[e.dataset], GaussianSettings) for e in self.experiments
        )
        noisy = any(max(self.flows[e.flow].entropies) > 0 for e in self.experiments)
        return [
            *(["overview", "fidelity"] if self._has_models() else []),
            *(["labels"] if any(self.flows[e.flow].labels for e in self.experiments) else []),
            *(["generation", "regularisation", "memorisation"] if self.experiments else []),
            *(["twin"] if noisy else []),
            *(["cost"] if self.experiments else []),
            *(["gaussian"] if gaussian else []),
            *(["optimal_map"] if any(self._maps_are_known(e) for e in self.experiments) else []),
        ]

    def figures(self) -> list[str]:
        """The numeric figures that this study fills."""
        return [
            *(["convergence"] if self.experiments else []),
            *(["fidelity"] if self._has_models() else []),
            *(["regularisation"] if any(self.strips()) else []),
            *(["memorisation"] if self._has_models() else []),
            *(["generalisation"] if self._sizes_differ() else []),
            *(["control"] if any(self._between(e) for e in self.experiments) else []),
            *(["quality_over_cost"] if self._has_models() else []),
        ]

    def _maps_are_known(self, experiment: Experiment) -> bool:
        """Whether models of the optimal map learn where it is known."""
        known = isinstance(self.datasets[experiment.dataset], (GaussianSettings, ConvexMapSettings))
        return known and any(
            isinstance(self.models[name], IcnnSettings) for name in experiment.models
        )

    def _between(self, experiment: Experiment) -> bool:
        """Whether a model is scored at times or entropies that it does not learn from."""
        return any(
            self.sampled_times(experiment.flow, model)
            or set(self.sampled_entropies(experiment.flow, model))
            > set(self.model_entropies(experiment.flow, model))
            for model in experiment.models
        )

    def _sizes_differ(self) -> bool:
        """Whether one flow runs on datasets of a kind with different numbers of training rows."""
        sizes: dict[tuple[str, str], set[int | None]] = {}
        for e in self.experiments:
            dataset = self.datasets[e.dataset]
            size = getattr(dataset, "n_train", None)
            sizes.setdefault((e.flow, dataset.kind), set()).add(size)
        return any(len(found) > 1 for found in sizes.values())

    def pictures(self) -> list[str]:
        """`dataset/flow/entropyE` of every picture of models' samples over time."""
        return [
            f"{e.dataset}/{e.flow}/entropy{entropy:g}"
            for e in self.experiments
            if e.models
            for entropy in self.flows[e.flow].entropies
        ]

    def strips(self) -> list[str]:
        """`dataset/flow` of every flow whose samples can be shown over entropy."""
        return [
            f"{e.dataset}/{e.flow}"
            for e in self.experiments
            if e.models and len(self.flows[e.flow].entropies) > 1
        ]

    def _listed_entropies(self, model: str) -> tuple[float, ...] | None:
        """The entropies that a model lists; models of the data, and rows that are none, do not."""
        return getattr(self.models.get(model), "entropies", None)

    def _has_models(self) -> bool:
        return any(e.models for e in self.experiments)


def has_labels(dataset: DatasetSettings) -> bool:
    """Whether rows of this dataset carry class labels."""
    if isinstance(dataset, ArraySettings):
        return dataset.labels is not None
    return dataset.labelled
