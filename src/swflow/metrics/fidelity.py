"""Fidelity: how close draws are to a reference run of the flow that the model never saw."""

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
from swflow.trajectory import Trajectory


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
    sw2_large: SW² of n_large draws (for stored particles: of all of them); c2st: of `draws`
    `(n, d)`; uvp: 100·E|X̂ − X|²/Var X over the reference's own source points, in percent, and
    for the flow itself its repeatability, the least that a model of one run can reach; sw2_twin,
    for the flow with ε > 0: SW² of the reference's twin to its particles (floor: sw2_large, of
    another run's particles). With k passes n_large/k draws are made, at least n_draws.
    """
    entropy, time, passes = point
    index = reference.index(time)
    cloud = torch.from_numpy(reference.particles(index))
    shared = keyed_generator(seed, "directions")
    directions = evaluation_directions(settings.n_directions, cloud.shape[1], shared)
    ordered = sorted_projections(cloud, directions)

    def squared(x: Tensor) -> float:
        return float(sorted_transport_cost(sorted_projections(x, directions), ordered).mean())

    generator = keyed_generator(seed, "fidelity", f"{entropy:g}", f"{time:g}")
    n = max(settings.n_large // passes, settings.n_draws)
    large = _large_sample(sampler, n, point, generator)
    yield "sw2_large", squared(large), len(large)
    n = settings.n_draws
    redraws = [squared(_redraw(large, n, generator)) for _ in range(settings.n_redraws)]
    yield "sw2", float(np.mean(redraws)), n
    yield "sw2_error", float(np.std(redraws, ddof=1) / np.sqrt(len(redraws))), n
    n = min(settings.n_classifier, len(draws), len(cloud))
    yield "c2st", classifier_accuracy(draws, _shuffled(cloud, generator), n, seed), n
    if isinstance(sampler, SourceModel):
        yield "uvp", unexplained_variance(sampler, reference, index, passes), len(cloud)
    elif isinstance(sampler, Particles):
        first, second = sampler.stores[entropy].carried(index), reference.carried(index)
        if first is not None and second is not None:
            yield "uvp", repeatability(first, second), len(first)
        if entropy > 0:
            twin = torch.from_numpy(reference.paired(index))
            yield "sw2_twin", squared(twin), len(twin)


def unexplained_variance(
    model: SourceModel, reference: Trajectory, index: int, passes: int = 1
) -> float:
    """L2-UVP (Korotin et al. 2021): 100·E|X̂(x₀) − X|²/Var X, in percent, on unseen pairs."""
    x0, goal = (torch.from_numpy(a) for a in (reference.particles(0), model.pair(reference, index)))
    time = float(reference.time[index])
    carried = model.transport(x0, time=time, entropy=reference.entropy, passes=passes)
    error = (carried - goal).square().sum(dim=1).mean()
    return float(100 * error / goal.var(dim=0).sum())


def repeatability(first: np.ndarray, second: np.ndarray) -> float:
    """100·½E|X − X′|²/Var X, in percent, of the same points carried by two runs `(k, d)`."""
    error = np.square(first - second).sum(axis=1).mean() / 2
    return float(100 * error / second.var(axis=0).sum())


def _large_sample(sampler: Sampler, n: int, point: Point, generator: torch.Generator) -> Tensor:
    """Draw n; of stored particles all, once each: they are the law that is drawn from."""
    if isinstance(sampler, Particles):
        return sampler.cloud(point)
    return sampler.draw(n, point, generator)


def _redraw(large: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Draw n with replacement (of a large sample: as good as fresh ones)."""
    return large[torch.randint(len(large), (n,), generator=generator)]


def _shuffled(cloud: Tensor, generator: torch.Generator) -> np.ndarray:
    return cloud[torch.randperm(len(cloud), generator=generator)].numpy()
