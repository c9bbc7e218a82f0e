"""Draws of a sampler under many conditions: which there are, and what is drawn at each."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from swflow.models.sampler import Sampler
from swflow.models.spec import Condition
from swflow.randomness import keyed_generator
from swflow.runtime.errors import InputError


@dataclass(frozen=True)
class Draws:
    """Draws x `(n, *event_shape)` in model units, and the class of each `(n,)` where there are."""

    condition: Condition
    x: np.ndarray
    label: np.ndarray | None = None

    @property
    def flat(self) -> np.ndarray:
        """Draws as rows `(n, d)`."""
        return self.x.reshape(len(self.x), -1)


def stored_draws(
    sampler: Sampler, n: int, conditions: Sequence[Condition], seed: int, quasi: bool = False
) -> Iterator[Draws]:
    """Draw n (or all rows there are) under each condition.

    One stream of random numbers for all: row i starts at the same source point at every time.
    """
    n = n if sampler.n_rows is None else min(n, sampler.n_rows)
    for condition in conditions:
        x, label = sampler.draw(n, condition, keyed_generator(seed, "sample"), quasi)
        events = x.numpy().reshape(n, *sampler.spec.units.event_shape)
        yield Draws(condition, events, None if label is None else label.numpy())


def sampling_conditions(
    sampler: Sampler,
    entropies: Sequence[float] = (),
    times: Sequence[float] = (),
    passes: Sequence[int] = (),
    label: int | None = None,
) -> list[Condition]:
    """Every combination of entropies, times and numbers of passes, once, of one class or all.

    Where they are empty: what the sampler was made from, without time 0. Raises InputError for what
    it does not know.
    """
    spec = sampler.spec
    unknown: tuple[float | None, ...] = (None,)
    found = (
        sampler.check(time, entropy, label, number)
        for entropy, time, number in itertools.product(
            entropies or spec.entropies or unknown,
            times or [time for time in spec.times if time > 0] or unknown,
            passes or sampler.passes,
        )
    )
    return list(dict.fromkeys(found))


def one_condition(
    sampler: Sampler,
    entropies: Sequence[float],
    times: Sequence[float],
    passes: Sequence[int],
    label: int | None = None,
) -> Condition:
    """The one condition asked for: by default the end of the flow, at the first entropy.

    Raises InputError for several of one kind, and for what the sampler does not know.
    """
    given: dict[str, Sequence[Any]] = {"entropy": entropies, "time": times, "passes": passes}
    for name, values in given.items():
        if len(values) > 1:
            raise InputError(f"{name} = {list(values)}: one value is needed; .h5 takes several.")
    spec = sampler.spec
    asked = entropies or spec.entropies[:1], times or spec.times[-1:], passes
    return sampling_conditions(sampler, *asked, label)[-1]
