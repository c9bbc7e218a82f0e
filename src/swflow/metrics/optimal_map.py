"""Optimal transport: a learned map against the exact one, where that is known."""

from collections.abc import Iterator

import numpy as np

from swflow.datasets import Dataset
from swflow.metrics.rows import AFFINE, IDENTITY
from swflow.models.base import Point, Sampler, SourceModel
from swflow.models.particles import Particles
from swflow.optimal_maps import best_affine_map, known_map
from swflow.randomness import keyed_generator
from swflow.sources import draw_source

# Points behind a map's error, and those that the best affine map is fitted to.
N_POINTS = 20_000


def optimal_map(
    sampler: Sampler, dataset: Dataset, point: Point, seed: int
) -> Iterator[tuple[str, float, int]]:
    """Yield (metric, value, n): how far a sampler's map is from the optimal one; or nothing.

    map_uvp: 100·E|T̂(X) − T(X)|²/Var T(X), in percent (Korotin et al. 2021); map_cosine: of
    T̂(X) − X and T(X) − X, over all points. Of fresh source points X, of a stored flow of its
    particles. Beside it the same of the identity and of the best affine map (prefixes `identity_`,
    `affine_`). Nothing where the optimal map is unknown, or the sampler carries no points.
    """
    exact = known_map(dataset, sampler.domain.source)
    pairs = _pairs(sampler, point, seed)
    if exact is None or pairs is None:
        return
    x, found = (cloud.astype(np.float64) for cloud in pairs)
    goal = exact(x)
    yield from _errors("", x, found, goal)
    yield from _errors(IDENTITY, x, x, goal)
    generator = keyed_generator(seed, "affine")
    law, dim = sampler.domain.source, dataset.dim
    others = draw_source(law, N_POINTS, dim, generator=generator).numpy().astype(np.float64)
    yield from _errors(AFFINE, x, best_affine_map(others, exact(others))(x), goal)


def _pairs(sampler: Sampler, point: Point, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Source points and where the sampler carries them, both `(n, d)`."""
    if point.entropy > 0:  # the end of such a flow is another law
        return None
    if isinstance(sampler, Particles):
        store = sampler.store(point)
        return store.particles(0), store.paired(store.index(point.time))
    if not isinstance(sampler, SourceModel) or sampler.domain.labels:
        return None
    generator = keyed_generator(seed, "optimal_map")
    law, dim = sampler.domain.source, sampler.domain.units.dim
    x = draw_source(law, N_POINTS, dim, generator=generator)
    entropy = None if np.isnan(point.entropy) else point.entropy
    carried = sampler.transport(x, time=point.time, entropy=entropy, passes=point.passes)
    return x.numpy(), carried.numpy()


def _errors(
    prefix: str, x: np.ndarray, found: np.ndarray, goal: np.ndarray
) -> Iterator[tuple[str, float, int]]:
    error, moved, should = found - goal, found - x, goal - x
    uvp = 100 * np.square(error).sum(axis=1).mean() / goal.var(axis=0).sum()
    yield f"{prefix}map_uvp", float(uvp), len(x)
    norms = np.linalg.norm(moved) * np.linalg.norm(should)
    if norms:  # the identity moves nothing: it has no direction
        yield f"{prefix}map_cosine", float((moved * should).sum() / norms), len(x)
