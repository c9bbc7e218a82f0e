"""What a group of metrics measures: a sampler, its draws, and what they are held against."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from swflow.flow.trajectory import Trajectory
from swflow.models.draws import Draws
from swflow.models.sampler import Sampler
from swflow.models.spec import Condition
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import ScoreSettings

if TYPE_CHECKING:  # an import would make the code of features count for every group
    from swflow.representation.features import FeatureSpace

Item = TypeVar("Item")


class Measure(NamedTuple):
    """A metric's value and the sample size behind it.

    label: the class that it is of (None: all); floor: what a perfect answer would score, where it
    is known without another row's score.
    """

    metric: str
    value: float
    n: int
    label: int | None = None
    floor: float | None = None


class Row(NamedTuple):
    """One measured number, as it ends up in metrics.csv. trained: whether it was learned from."""

    entropy: float | None
    time: float | None
    passes: int
    label: int | None
    trained: bool
    metric: str
    value: float
    floor: float | None
    n: int


@dataclass
class Subject:
    """A row of the tables at one seed.

    draws: its stored samples; references: runs that it never saw, one for each entropy (none for
    what no flow is behind); workers: measure conditions side by side (default: one by one); images,
    features: the images that the dataset's rows are or stand for, and what they are seen in;
    disjoint: the same kind of sampler, which learned other rows.
    """

    sampler: Sampler
    dataset: Dataset
    draws: Sequence[Draws] = ()
    references: Sequence[Trajectory] = ()
    settings: ScoreSettings = field(default_factory=ScoreSettings)
    seed: int = 0
    workers: Executor | None = None
    working_set_bytes: int = 0
    images: Dataset | None = None
    features: "FeatureSpace | None" = None
    disjoint: Sampler | None = None

    def reference(self, condition: Condition) -> Trajectory | None:
        """The run to compare with; None where no flow is behind the draws.

        Raises InputError where none of its entropy was given.
        """
        if condition.entropy is None:
            return None
        for run in self.references:
            if run.entropy == condition.entropy:
                return run
        given = ", ".join(f"{run.entropy:g}" for run in self.references)
        raise InputError(
            f"draws at entropy {condition.entropy:g} have no reference run: given are {given}; "
            "simulate that entropy too."
        )

    @cached_property
    def ends(self) -> list[Draws]:
        """The draws at the end of the flow, and all those that know no time."""
        return self.every(None)

    def every(self, stride: int | None) -> list[Draws]:
        """The draws of every `stride`-th time, counted from the last, and those that know no time.

        None: those of the last time alone.
        """
        times = sorted({of.condition.time for of in self.draws if of.condition.time is not None})
        chosen = {None, *(times[-1:] if stride is None else times[::-stride])}
        return [of for of in self.draws if of.condition.time in chosen]

    def rows(self, condition: Condition, measures: Iterable[Measure]) -> list[Row]:
        """Measures under a condition as rows."""
        spec, (entropy, time, passes, _) = self.sampler.spec, condition
        known = ((entropy, spec.entropies), (time, spec.times))
        trained = entropy is None or all(
            value is None or bool(np.isclose(value, learned).any()) for value, learned in known
        )
        return [
            Row(entropy, time, passes, of.label, trained, of.metric, of.value, of.floor, of.n)
            for of in measures
        ]

    def each(
        self, draws: Sequence[Draws], measure: Callable[[Draws], Iterable[Measure]]
    ) -> Iterator[Row]:
        """Measure some draws, several at once, and yield rows in their order."""

        def measured(of: Draws) -> list[Row]:
            return self.rows(of.condition, list(measure(of)))

        side_by_side = map if self.workers is None else self.workers.map
        for rows in side_by_side(measured, draws):
            yield from rows
