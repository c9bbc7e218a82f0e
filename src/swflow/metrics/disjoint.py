"""Disjoint: how far apart two models carry the same source points that learned no row in common."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from swflow.metrics.memorisation import Memorisation, few_heldout
from swflow.metrics.names import FEATURE, OTHER, PIXEL
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.sampler import Sampler
from swflow.models.source_model import SourceModel
from swflow.models.spec import Condition
from swflow.randomness import keyed_generator
from swflow.representation.affine import Affine
from swflow.runtime.errors import InputError

NEEDS = ("samples", "source", "dataset", "images", "disjoint")
SETTINGS = ("n_memorisation", "generation_stride", "heldout_ratio")
FLOORS: dict[str, str] = {}
# Of the other model's samples, against the training rows that it did not learn from.
COPIES = ("memorisation_a", "memorisation_a_error", "copied", "copied_error")


class Carried(NamedTuple):
    """Source points `(n, d)`, where they are carried `(n, d)` in model units, and their classes."""

    source: np.ndarray
    end: np.ndarray
    label: np.ndarray


def measure(subject: Subject) -> Iterator[Row]:
    """Of flows and of models that carry source points, where a disjoint one is given.

    apart: √(E|X(z) − X′(z)|² / E|X(z) − X′(z′)|²) of source points z and z′ of one class, 0 for one
    map and 1 for unrelated ones (after Kadkhodaie et al. 2024, who compare two denoisers so); of
    images also with the prefixes FEATURE and PIXEL. With the prefix OTHER: copied and A of the
    other model's samples against the rows that this one learned from and that one did not, a
    control that has the errors of a model, and nothing to copy.
    """
    other, sampler = subject.disjoint, subject.sampler
    carries = isinstance(sampler, SourceModel) or sampler.run(Condition(None, None)) is not None
    if other is None or not carries:
        return
    rows = subject.dataset.rows("train")
    few = few_heldout(subject.dataset.fresh.rows(), len(rows), subject.settings)
    memorisation = Memorisation(rows, few, subject.settings.n_memorisation)
    draws = subject.every(subject.settings.generation_stride)
    for of in draws:
        condition = of.condition
        pair = carried_by_both(subject, other, condition)
        yield from subject.rows(condition, _measures(subject, other, pair, memorisation))


def carried_by_both(subject: Subject, other: Sampler, condition: Condition) -> list[Carried]:
    """The same source points carried by both. Raises InputError where they have none in common."""
    n, seed = subject.settings.n_memorisation, subject.seed
    both = [carried(of, condition, n, seed) for of in (subject.sampler, other)]
    same = both[0].label == both[1].label  # shares of classes differ a little
    same &= np.all(both[0].source == both[1].source, axis=1)
    if same.mean() < 0.5:
        raise InputError(
            f"{subject.sampler.spec.dataset} and {other.spec.dataset}: of {len(same)} source "
            f"points only {same.sum()} are the same; flows must have the same settings and seed."
        )
    return [Carried(*(part[same] for part in of)) for of in both]


def carried(sampler: Sampler, condition: Condition, n: int, seed: int) -> Carried:
    """About n source points, the same of every sampler of a kind, and where they are carried."""
    run = sampler.run(condition)
    if run is not None:
        assert condition.time is not None
        rows, index = run.own_rows[:n], run.index(condition.time)
        label = np.zeros(len(rows), int) if run.label is None else run.label[rows]
        return Carried(run.particles(0)[rows], run.paired(index)[rows], label)
    assert isinstance(sampler, SourceModel)
    generator = keyed_generator(seed, "disjoint")
    source = sampler.sources(n, generator)
    classes = sampler.choose_labels(n, condition, generator, quasi=True)
    entropy, time, passes, _ = condition
    end = sampler.transport(source, time=time, entropy=entropy, label=classes, passes=passes)
    label = np.zeros(n, int) if classes is None else classes.numpy()
    return Carried(source.numpy(), end.numpy(), label)


def _measures(
    subject: Subject, other: Sampler, pair: list[Carried], memorisation: Memorisation
) -> Iterator[Measure]:
    first, second = pair
    label, units = first.label, [subject.sampler.spec.units, other.spec.units]
    # Of latents these themselves: each has the units of its own rows.
    ends = {"": [Affine.decode(unit, of.end) for unit, of in zip(units, pair, strict=True)]}
    if subject.images is not None and subject.features is not None:
        images = [unit.decode(of.end) for unit, of in zip(units, pair, strict=True)]
        look = subject.features.look
        ends |= {PIXEL: images, FEATURE: [look(of).features for of in images]}
    for prefix, (x, y) in ends.items():
        yield Measure(f"{prefix}apart", apart(x, y, label), len(label))
    own = units[0].encode(ends[""][1]).reshape(second.end.shape)
    for of in memorisation.measures(own, subject.seed):
        if of.metric in COPIES:
            yield of._replace(metric=OTHER + of.metric)


def apart(x: np.ndarray, y: np.ndarray, label: np.ndarray) -> float:
    """√(E|x − y|² / E|x − y′|²) of paired events `(n, …)`, y′ of an independent pair of the class.

    label: `(n,)`.
    """
    x, y = (of.reshape(len(of), -1).astype(np.float64) for of in (x, y))
    together, unrelated = np.square(x - y).sum(), 0.0
    for known in np.unique(label):
        own = label == known
        spread = sum(np.square(of[own] - of[own].mean(axis=0)).sum() for of in (x, y))
        unrelated += spread + own.sum() * np.square(x[own].mean(axis=0) - y[own].mean(axis=0)).sum()
    return float(np.sqrt(together / unrelated))
