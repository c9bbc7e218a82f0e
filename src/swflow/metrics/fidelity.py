"""Fidelity: how close draws are to a reference run of the flow that the model never saw."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from swflow.metrics.classifier import classifier_accuracy
from swflow.models.base import Point, Sampler, SourceModel
from swflow.models.particles import Particles
from swflow.randomness import keyed_generator
from swflow.settings import ScoreSettings
from swflow.sliced import evaluation_directions, sorted_projections, sorted_transport_cost
from swflow.sources import draw_source, interpolate_source
from swflow.trajectory import Trajectory

# Of the draws of a class, whose number is random, as many are compared as there always are.
SAFE_PART = 0.8
# Pairs behind an unexplained variance: its relative error is then a few percent.
MOST_PAIRS = 10000


def fidelity(
    sampler: Sampler,
    draws: np.ndarray,
    reference: Trajectory,
    point: Point,
    settings: ScoreSettings,
    seed: int,
) -> Iterator[tuple[str, float, int]]:
    """Yield (metric, value, n) of a sampler against all particles of a reference run.

    sw2: mean over redraws of SW² of n_draws draws; sw2_error: its standard error;
    sw2_large: SW² of n_large evenly spread draws (of stored particles: all of them); c2st: of
    `draws` `(n, d)`; uvp: 100·E|X̂ − X|²/Var X over the reference's own source points, in percent,
    and for the flow itself its repeatability, the least that a model of one run can reach;
    sw2_twin, for the flow with ε > 0: SW² of the reference's twin to its particles (floor:
    sw2_large, of another run's particles). With k passes n_large/k draws are made, at least
    n_draws.
    Of models that carry source points also: sw2_quasi, of n_draws evenly spread ones;
    sw2_interpolated, of n_draws points between two (cos φ·x₀ + sin φ·x₀′, φ uniform); and where
    passes compose, defect: 100·E|k passes − one pass|²/Var X, in percent.
    """
    entropy, time, passes, _ = point
    index = reference.index(time)
    cloud = torch.from_numpy(reference.particles(index))
    against = _Distance(cloud, settings, seed)
    generator = keyed_generator(seed, "fidelity", f"{entropy:g}", f"{time:g}")
    n = max(settings.n_large // passes, settings.n_draws)
    large = _large_sample(sampler, n, point, generator)
    yield "sw2_large", against(large), len(large)
    n = settings.n_draws
    redraws = [against(_redraw(large, n, generator)) for _ in range(settings.n_redraws)]
    yield "sw2", float(np.mean(redraws)), n
    yield "sw2_error", float(np.std(redraws, ddof=1) / np.sqrt(len(redraws))), n
    some = min(settings.n_classifier, len(draws), len(cloud))
    yield "c2st", classifier_accuracy(draws, _shuffled(cloud, generator), some, seed), some
    if isinstance(sampler, SourceModel):
        yield "uvp", *unexplained_variance(sampler, reference, index, passes)
        yield "sw2_quasi", against(sampler.draw(n, point, generator, quasi=True).x), n
        yield "sw2_interpolated", against(_interpolated(sampler, n, point, generator)), n
        if sampler.composes and passes > 1:
            yield "defect", *composition_defect(sampler, reference, index, passes)
    elif isinstance(sampler, Particles):
        first, second = sampler.store(point).repeated(index), reference.repeated(index)
        if first is not None and second is not None:
            yield "uvp", repeatability(first, second), len(first)
        if entropy > 0:
            twin = torch.from_numpy(reference.paired(index))
            yield "sw2_twin", against(twin), len(twin)


def class_fidelity(
    draws: np.ndarray,
    label: np.ndarray,
    reference: Trajectory,
    point: Point,
    settings: ScoreSettings,
    seed: int,
) -> Iterator[tuple[int, str, float, int]]:
    """Yield (class, sw2_class, value, n): SW² of the draws of each class to its particles.

    draws: `(n, d)` of classes `(n,)`, of a flow made class by class.
    """
    if reference.label is None:
        return
    cloud = reference.particles(reference.index(point.time))
    for known in np.unique(reference.label):
        own = reference.label == known
        n = math.floor(SAFE_PART * own.mean() * len(draws))
        of_class = torch.from_numpy(draws[label == known][:n])
        against = _Distance(torch.from_numpy(cloud[own]), settings, seed)
        yield int(known), "sw2_class", against(of_class), len(of_class)


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


class _Distance:
    """SW² to a fixed cloud along directions that depend on the seed alone."""

    def __init__(self, cloud: Tensor, settings: ScoreSettings, seed: int) -> None:
        shared = keyed_generator(seed, "directions")
        self.directions = evaluation_directions(settings.n_directions, cloud.shape[1], shared)
        self.ordered = sorted_projections(cloud, self.directions)

    def __call__(self, x: Tensor) -> float:
        own = sorted_projections(x, self.directions)
        return float(sorted_transport_cost(own, self.ordered).mean())


def _carried(model: SourceModel, reference: Trajectory, index: int, passes: int) -> Tensor:
    """Where the model carries some of the reference's own source points."""
    rows, label = reference.own_rows[:MOST_PAIRS], reference.label
    return model.transport(
        torch.from_numpy(reference.particles(0)[rows]),
        time=float(reference.time[index]),
        entropy=reference.entropy,
        label=None if label is None else torch.from_numpy(label[rows]),
        passes=passes,
    )


def _percent_of_variance(error: Tensor, of: Tensor) -> tuple[float, int]:
    return float(100 * error.square().sum(dim=1).mean() / of.var(dim=0).sum()), len(error)


def _interpolated(model: SourceModel, n: int, point: Point, generator: torch.Generator) -> Tensor:
    """Where n points between two source points are carried, at random angles."""
    law, dim = model.domain.source, model.domain.units.dim
    a, b = (draw_source(law, n, dim, generator=generator) for _ in range(2))
    angle = math.pi / 2 * torch.rand(n, 1, generator=generator)
    label = model.choose_labels(n, point, generator)
    entropy, time, passes, _ = point
    between = interpolate_source(law, a, b, angle)
    return model.transport(between, time=time, entropy=entropy, label=label, passes=passes)


def _large_sample(sampler: Sampler, n: int, point: Point, generator: torch.Generator) -> Tensor:
    """Draw n, so many that they stand for the law that is drawn from.

    Of stored particles all, once each; from evenly spread source points where a kind has them, so
    that what is left is the model's error and not that of sampling.
    """
    if isinstance(sampler, Particles):
        return sampler.cloud(point).x
    return sampler.draw(n, point, generator, quasi=isinstance(sampler, SourceModel)).x


def _redraw(large: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Draw n with replacement (of a large sample: as good as fresh ones)."""
    return large[torch.randint(len(large), (n,), generator=generator)]


def _shuffled(cloud: Tensor, generator: torch.Generator) -> np.ndarray:
    return cloud[torch.randperm(len(cloud), generator=generator)].numpy()
