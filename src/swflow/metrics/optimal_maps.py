"""Optimal transport: a learned map against the exact one, where that is known."""

from collections.abc import Iterator

import numpy as np

from swflow.flow.optimal_maps import best_affine_map, known_map
from swflow.flow.source import draw_source
from swflow.metrics.names import AFFINE, IDENTITY
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.spec import Condition
from swflow.randomness import keyed_generator

NEEDS = ("samples", "source", "dataset")
SETTINGS = ()
FLOORS: dict[str, str] = {}
# Points behind a map's error, and those that the best affine map is fitted to.
N_POINTS = 20_000


def measure(subject: Subject) -> Iterator[Row]:
    """At the end of a flow without entropy, or of a model of the data: see `of_condition`."""
    for draws in subject.ends:
        if not draws.condition.entropy:  # the end of a flow with entropy is another law
            measures = of_condition(subject, draws.condition)
            yield from subject.rows(draws.condition, measures)


def of_condition(subject: Subject, condition: Condition) -> Iterator[Measure]:
    """How far a sampler's map is from the optimal one.

    map_uvp: 100·E|T̂(X) − T(X)|²/Var T(X), in percent (Korotin et al. 2021); map_cosine: of
    T̂(X) − X and T(X) − X, over all points. Of fresh source points X, of a stored flow of its
    particles. Beside it the same of the identity and of the best affine map (prefixes `identity_`,
    `affine_`). Nothing where the optimal map is unknown, or the sampler carries no points.
    """
    sampler, dataset, seed = subject.sampler, subject.dataset, subject.seed
    exact = known_map(dataset, sampler.spec.source)
    generator = keyed_generator(seed, "optimal_map")
    pairs = None if exact is None else sampler.mapped_pairs(N_POINTS, condition, generator)
    if exact is None or pairs is None:
        return
    x, found = (cloud.numpy().astype(np.float64) for cloud in pairs)
    goal = exact(x)
    yield from _errors("", x, found, goal)
    yield from _errors(IDENTITY, x, x, goal)
    generator = keyed_generator(seed, "affine")
    law, dim = sampler.spec.source, dataset.dim
    others = draw_source(law, N_POINTS, dim, generator=generator).numpy().astype(np.float64)
    yield from _errors(AFFINE, x, best_affine_map(others, exact(others))(x), goal)


def _errors(prefix: str, x: np.ndarray, found: np.ndarray, goal: np.ndarray) -> Iterator[Measure]:
    error, moved, should = found - goal, found - x, goal - x
    uvp = 100 * np.square(error).sum(axis=1).mean() / goal.var(axis=0).sum()
    yield Measure(f"{prefix}map_uvp", float(uvp), len(x))
    norms = np.linalg.norm(moved) * np.linalg.norm(should)
    if norms:  # the identity moves nothing: it has no direction
        yield Measure(f"{prefix}map_cosine", float((moved * should).sum() / norms), len(x))
