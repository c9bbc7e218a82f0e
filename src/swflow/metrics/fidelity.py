"""Fidelity: how close draws are to a reference run of the flow that the model never saw."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Generator, Tensor

from swflow.flow.trajectory import Trajectory
from swflow.metrics.classifier import classifier_accuracy
from swflow.metrics.distance import DistanceTo, redraw
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.draws import Draws
from swflow.models.sampler import Sampler
from swflow.models.source_model import SourceModel
from swflow.models.spec import Condition
from swflow.randomness import keyed_generator

NEEDS = ("samples", "source", "references")
SETTINGS = ("n_draws", "n_redraws", "n_large", "n_directions", "n_classifier")
FLOORS = {
    "sw2": "particles",
    "sw2_error": "particles",
    "sw2_large": "particles",
    "c2st": "particles",
    "uvp": "particles",
}
# Pairs behind an unexplained variance: its relative error is then a few percent.
MOST_PAIRS = 10000


def measure(subject: Subject) -> Iterator[Row]:
    """Of draws against all particles of a reference run of their entropy.

    sw2: mean over redraws of SW² of n_draws draws; sw2_error: its standard error;
    sw2_large: SW² of n_large evenly spread draws (of stored particles: all of them); c2st: of
    the stored draws; uvp: 100·E|X̂ − X|²/Var X over the reference's own source points, in percent,
    and for the flow itself its repeatability, the least that a model of one run can reach;
    sw2_twin, for flows with a twin: SW² of the reference's twin to its particles (floor:
    sw2_large, of another run's particles). With k passes n_large/k draws are made, at least
    n_draws.
    Of models that carry source points also: sw2_quasi, of n_draws evenly spread ones;
    sw2_interpolated, of n_draws points between two (cos φ·x₀ + sin φ·x₀′, φ uniform); and where
    passes compose, defect: 100·E|k passes − one pass|²/Var X, in percent.
    """
    compared = [of for of in subject.draws if subject.reference(of.condition) is not None]
    yield from subject.each(compared, lambda draws: of_draws(subject, draws))


def of_draws(subject: Subject, draws: Draws) -> Iterator[Measure]:
    """The measures of draws under one condition."""
    condition, settings = draws.condition, subject.settings
    reference = subject.reference(condition)
    assert reference is not None
    assert condition.time is not None
    index, sampler = reference.index(condition.time), subject.sampler
    cloud = torch.from_numpy(reference.particles(index))
    against = DistanceTo(cloud, settings.n_directions, subject.seed)
    key = f"{condition.entropy:g}", f"{condition.time:g}"
    generator = keyed_generator(subject.seed, "fidelity", *key)
    n = max(settings.n_large // condition.passes, settings.n_draws)
    large = sampler.large_sample(n, condition, generator)
    yield Measure("sw2_large", against(large), len(large))
    n = settings.n_draws
    redraws = [against(redraw(large, n, generator)) for _ in range(settings.n_redraws)]
    yield Measure("sw2", float(np.mean(redraws)), n)
    yield Measure("sw2_error", float(np.std(redraws, ddof=1) / np.sqrt(len(redraws))), n)
    some, shuffled = (
        min(settings.n_classifier, len(draws.x), len(cloud)),
        _shuffled(cloud, generator),
    )
    accuracy = classifier_accuracy(draws.flat, shuffled, some, subject.seed)
    yield Measure("c2st", accuracy, some)
    if isinstance(sampler, SourceModel):
        yield from _of_map(sampler, reference, index, condition, against, n, generator)
    yield from _of_run(sampler, reference, index, condition, against)


def _of_map(
    model: SourceModel,
    reference: Trajectory,
    index: int,
    condition: Condition,
    against: DistanceTo,
    n: int,
    generator: Generator,
) -> Iterator[Measure]:
    """What can be measured of a map, beside its draws."""
    yield Measure("uvp", *unexplained_variance(model, reference, index, condition.passes))
    quasi = model.draw(n, condition, generator, quasi=True).x
    yield Measure("sw2_quasi", against(quasi), n)
    yield Measure("sw2_interpolated", against(_interpolated(model, n, condition, generator)), n)
    if model.composes and condition.passes > 1:
        yield Measure("defect", *composition_defect(model, reference, index, condition.passes))


def _of_run(
    sampler: Sampler,
    reference: Trajectory,
    index: int,
    condition: Condition,
    against: DistanceTo,
) -> Iterator[Measure]:
    """What can be measured of a run: how far another carries the same points; its twin."""
    run = sampler.run(condition)
    if run is None:
        return
    first, second = run.repeated(index), reference.repeated(index)
    if first is not None and second is not None:
        yield Measure("uvp", repeatability(first, second), len(first))
    if reference.has_twin:
        twin = torch.from_numpy(reference.paired(index))
        yield Measure("sw2_twin", against(twin), len(twin))


def unexplained_variance(
    model: SourceModel, reference: Trajectory, index: int, passes: int = 1
) -> tuple[float, int]:
    """L2-UVP (Korotin et al. 2021): 100·E|X̂(x₀) − X|²/Var X, in percent, on unseen pairs.

    Returns it and the number of pairs, at most MOST_PAIRS.
    """
    goal = torch.from_numpy(model.pair(reference, index)[reference.own_rows[:MOST_PAIRS]])
    return _percent_of_variance(_carried(model, reference, index, passes) - goal, goal)


def composition_defect(
    model: SourceModel, reference: Trajectory, index: int, passes: int
) -> tuple[float, int]:
    """100·E|X̂_k(x₀) − X̂_1(x₀)|²/Var X̂_1: how far k passes lead from one, in percent.

    Returns it and the number of points, at most MOST_PAIRS.
    """
    one = _carried(model, reference, index, 1)
    return _percent_of_variance(_carried(model, reference, index, passes) - one, one)


def repeatability(first: np.ndarray, second: np.ndarray) -> float:
    """100·½E|X − X′|²/Var X, in percent, of the same points carried by two runs `(k, d)`."""
    error = np.square(first - second).sum(axis=1).mean() / 2
    return float(100 * error / second.var(axis=0).sum())


def _carried(model: SourceModel, reference: Trajectory, index: int, passes: int) -> Tensor:
    """Where the model carries some of the reference's own source points."""
    rows = reference.own_rows[:MOST_PAIRS]
    label = reference.label if model.spec.labels else None
    return model.transport(
        torch.from_numpy(reference.particles(0)[rows]),
        time=float(reference.time[index]),
        entropy=reference.entropy,
        label=None if label is None else torch.from_numpy(label[rows]),
        passes=passes,
    )


def _percent_of_variance(error: Tensor, of: Tensor) -> tuple[float, int]:
    return float(100 * error.square().sum(dim=1).mean() / of.var(dim=0).sum()), len(error)


def _interpolated(model: SourceModel, n: int, condition: Condition, generator: Generator) -> Tensor:
    """Where n points between two source points are carried, at random angles."""
    a, b = (model.sources(n, generator) for _ in range(2))
    angle = math.pi / 2 * torch.rand(n, 1, generator=generator)
    label = model.choose_labels(n, condition, generator)
    entropy, time, passes, _ = condition
    between = model.between(a, b, angle)
    return model.transport(between, time=time, entropy=entropy, label=label, passes=passes)


def _shuffled(cloud: Tensor, generator: Generator) -> np.ndarray:
    return cloud[torch.randperm(len(cloud), generator=generator)].numpy()
