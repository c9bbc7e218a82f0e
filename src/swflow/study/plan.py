"""What a study asks of the pipeline: its rows, stores, scores, tables, figures and pictures."""

import json
from functools import cached_property
from typing import NamedTuple

from swflow.runtime.errors import InputError
from swflow.schedule.steps import stored_times
from swflow.settings import PARTICLES, TEST_SET
from swflow.study import registry
from swflow.study.facts import facts_of
from swflow.study.roots import (
    PARTICLES_HOME,
    REAL_ROWS_HOME,
    figure_code,
    homes,
    sampling_code,
    score_code,
    table_code,
    timing_code,
)
from swflow.study.study import DATA, Experiment, Study

# Conditions that a thread of a score job measures, at least.
CONDITIONS_PER_THREAD = 2


class Row(NamedTuple):
    """One row of one experiment at one seed: the wildcards of its samples and scores."""

    dataset: str
    teacher: str
    model: str
    seed: int


class Plan:
    """Answers that depend on nothing but the study and the code."""

    def __init__(self, study: Study) -> None:
        """Raises InputError where a table or figure is asked for that the study does not fill."""
        self.study = study
        for room in ("tables", "figures"):
            for name in getattr(study.report, room) or ():
                needs = registry.constant(registry.module(room, name), "NEEDS")
                if missing := sorted({*needs} - self.facts):
                    raise InputError(
                        f"config.report.{room}: {name!r} needs what this study has none of: "
                        f"{', '.join(missing)}; leave it out."
                    )

    def rows(self) -> list[Row]:
        """Every row of every experiment at every seed, each once."""
        found: dict[Row, None] = {}
        for experiment in self.study.experiments:
            for model in (PARTICLES, TEST_SET, *experiment.models):
                for seed in self.study.seeds:
                    teacher = self.teacher(experiment.flow, model)
                    found[Row(experiment.dataset, teacher, model, seed)] = None
        return list(found)

    def teacher(self, flow: str, model: str) -> str:
        """The folder of a row's products: its flow's name, or `data` where no flow is behind it."""
        settings = self.study.models.get(model)
        from_rows = model == TEST_SET or (settings is not None and settings.learns_from == DATA)
        return DATA if from_rows else flow

    def disjoint(self, dataset: str, teacher: str, model: str) -> str | None:
        """The dataset of other rows that a row is compared over; None of rows that are not."""
        for e in self.study.experiments:
            same = (e.dataset, e.flow) == (dataset, teacher) and model in (PARTICLES, *e.models)
            if e.disjoint and same:
                return e.disjoint
        return None

    def seed_after(self, seed: int, places: int) -> int:
        """The seed `places` further in the list, cyclic."""
        seeds = self.study.seeds
        return seeds[(seeds.index(seed) + places) % len(seeds)]

    def learned_entropies(self, flow: str, model: str) -> list[float]:
        """The entropies at which a row learns from (or is) the flow."""
        own = getattr(self.study.models.get(model), "entropies", None)
        return list(self.study.flows[flow].entropies if own is None else own)

    def sampled_entropies(self, flow: str, model: str) -> list[float]:
        """The entropies of the flow at which a row can be drawn, learned from or not."""
        learned, settings = self.learned_entropies(flow, model), self.study.models.get(model)
        if settings is None or not settings.interpolates:
            return learned
        low, high = min(learned), max(learned)
        return [e for e in self.study.flows[flow].entropies if low <= e <= high]

    def sampled_times(self, flow: str) -> list[float]:
        """The times at which rows of a flow are drawn: all stored, the source at time 0 included.

        Also those that a model did not learn from.
        """
        return stored_times(self.study.flows[flow])

    def score_threads(self, teacher: str, model: str) -> int:
        """Conditions of a row that are worth scoring side by side."""
        if teacher == DATA:
            return 1
        passes = len(getattr(self.study.models.get(model), "passes", (1,)))
        times = len(stored_times(self.study.flows[teacher])) - 1
        conditions = passes * times * len(self.sampled_entropies(teacher, model))
        return max(1, conditions // CONDITIONS_PER_THREAD)

    def by_network(self, model: str) -> bool:
        """Whether a row draws by a network."""
        return model in self.study.models and self.study.models[model].by_network

    # The code behind products, for the rules' params.

    def homes(self, model: str) -> list[str]:
        """Where the code of a row is at home."""
        known = {PARTICLES: PARTICLES_HOME, TEST_SET: REAL_ROWS_HOME}
        return [known[model]] if model in known else list(homes(self.study.models[model]))

    def sampling_code(self, model: str) -> str:
        """Of a row's samples."""
        return sampling_code(*self.homes(model))

    def timing_code(self, model: str) -> str:
        """Of a row's timings."""
        return timing_code(*self.homes(model))

    def score_code(self, model: str) -> str:
        """Of each group of a row's scores, as JSON."""
        modules = registry.modules("metrics").items()
        return json.dumps(
            {name: score_code(module, *self.homes(model)) for name, module in modules}
        )

    def table_code(self, name: str) -> str:
        """Of a table."""
        return table_code(registry.module("tables", name))

    def figure_code(self, name: str) -> str:
        """Of a figure."""
        return figure_code(registry.module("figures", name))

    # What is made of all rows.

    def groups(self) -> list[str]:
        """The groups of metrics."""
        return list(registry.modules("metrics"))

    def tables(self) -> list[str]:
        """The tables that this study fills."""
        return self._made("tables")

    def figures(self) -> list[str]:
        """The numeric figures that this study fills."""
        return self._made("figures")

    def pictures(self) -> list[str]:
        """`dataset/flow/entropyE` of every picture of models' samples over time."""
        return [
            f"{e.dataset}/{e.flow}/entropy{entropy:g}"
            for e in self._pictured()
            for entropy in self.study.flows[e.flow].entropies
        ]

    def strips(self) -> list[str]:
        """`dataset/flow` of every flow whose samples can be shown over entropy."""
        return [
            f"{e.dataset}/{e.flow}"
            for e in self._pictured()
            if len(self.study.flows[e.flow].entropies) > 1
        ]

    def neighbours(self) -> list[str]:
        """`dataset/flow` of every flow to images whose samples are shown beside nearest ones."""
        return [f"{e.dataset}/{e.flow}" for e in self._of_images()]

    def interpolations(self) -> list[str]:
        """`dataset/flow/model` of every network that carries source points to images."""
        return [
            f"{e.dataset}/{e.flow}/{model}"
            for e in self._of_images()
            for model in e.models
            if self._carries(e.flow, model) and not self.completes(e.flow, model)
        ]

    def completions(self) -> list[str]:
        """`dataset/flow/model` of every network that completes images."""
        return [
            f"{e.dataset}/{e.flow}/{model}"
            for e in self._of_images()
            for model in e.models
            if self.completes(e.flow, model)
        ]

    def completes(self, teacher: str, model: str) -> bool:
        """Whether a row's draws need images to complete: those of networks of a flow that holds."""
        flow, settings = self.study.flows.get(teacher), self.study.models.get(model)
        held = flow is not None and flow.known is not None
        return held and settings is not None and self._carries(teacher, model)

    def _carries(self, flow: str, model: str) -> bool:
        """Whether a model learns a flow, and carries source points as it does."""
        return self.study.models[model].interpolates and self.teacher(flow, model) == flow

    def _of_images(self) -> list[Experiment]:
        return [e for e in self._pictured() if self.study.images_of(e.dataset)]

    def _pictured(self) -> list[Experiment]:
        """The experiments whose models are shown."""
        return [e for e in self.study.experiments if e.models and self.study.report.pictures]

    def pictured_models(self, dataset: str, flow: str) -> list[str]:
        """The flow and every model of the experiments of one dataset and flow."""
        experiments = [e for e in self.study.experiments if (e.dataset, e.flow) == (dataset, flow)]
        models = [model for e in experiments for model in e.models]
        return [PARTICLES, *dict.fromkeys(models)]

    def captions(self) -> dict[str, dict[str, str]]:
        """The caption of every table and figure."""
        return {
            room: {
                name: registry.constant(module, "CAPTION") or name
                for name, module in registry.modules(room).items()
            }
            for room in ("tables", "figures")
        }

    def _made(self, room: str) -> list[str]:
        """Those asked for, or all that are filled."""
        asked = getattr(self.study.report, room)
        if asked is not None:
            return list(asked)
        modules = registry.modules(room)
        needs = {name: registry.constant(module, "NEEDS") for name, module in modules.items()}
        return [name for name in needs if self.facts >= {"experiments", *needs[name]}]

    @cached_property
    def facts(self) -> frozenset[str]:
        """What this study has, in the words of the `NEEDS` of tables and figures."""
        study, between = self.study, any(self._between(e) for e in self.study.experiments)
        return facts_of(study) | ({"between"} if between else set())

    def _between(self, experiment: Experiment) -> bool:
        """Whether a model is scored at times or entropies that it does not learn from."""
        flow = experiment.flow
        return any(
            getattr(self.study.models[model], "time_stride", 1) > 1
            or set(self.sampled_entropies(flow, model)) > set(self.learned_entropies(flow, model))
            for model in experiment.models
            if self.teacher(flow, model) != DATA
        )
