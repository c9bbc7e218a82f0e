"""Generation: how close samples at the end of the flow are to real rows nobody saw."""

import contextlib
import io
from collections.abc import Iterator

import numpy as np
import torch
from prdc import compute_prdc
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from swflow.metrics.classifier import classifier_accuracy
from swflow.randomness import keyed_generator
from swflow.settings import ScoreSettings
from swflow.sliced import evaluation_directions, sliced_wasserstein

NEIGHBOURS = 5


def generation(
    draws: np.ndarray, real: np.ndarray, n: int, settings: ScoreSettings, seed: int
) -> Iterator[tuple[str, float, int]]:
    """Yield (metric, value, n) of draws against real rows, both `(·, d)`, n rows of each.

    sw_test, w2_test (exact), energy_test: distances; precision, recall (Kynkäänniemi et al.
    2019), density, coverage (Naeem et al. 2020): nearest-neighbour overlap; c2st_test.
    """
    draws, real = _subset(draws, n, seed), _subset(real, n, seed)
    shared = keyed_generator(seed, "directions")
    directions = evaluation_directions(settings.n_directions, draws.shape[1], shared)
    x, y = torch.from_numpy(draws), torch.from_numpy(real)
    yield "sw_test", float(sliced_wasserstein(x, y, directions)), n
    yield "c2st_test", classifier_accuracy(draws, real, settings.n_classifier, seed), n
    few = min(n, settings.n_exact)
    draws, real = draws[:few], real[:few]
    yield "w2_test", exact_wasserstein(draws, real), few
    yield "energy_test", energy_distance(draws, real), few
    with contextlib.redirect_stdout(io.StringIO()):  # prdc prints sample counts
        overlap = compute_prdc(real, draws, min(NEIGHBOURS, few - 1))
    for name, value in overlap.items():
        yield name, float(value), few


def exact_wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """W₂ between two clouds of the same size, equal weights: an optimal assignment, `(n, d)`."""
    squared = cdist(x, y, "sqeuclidean")
    return float(np.sqrt(squared[linear_sum_assignment(squared)].mean()))


def energy_distance(x: np.ndarray, y: np.ndarray) -> float:
    """√(2E|X − Y| − E|X − X′| − E|Y − Y′|) over all pairs (Székely & Rizzo 2013), at least 0."""
    squared = 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()
    return float(np.sqrt(max(0.0, squared)))


def _subset(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
    generator = keyed_generator(seed, "generation")
    return rows[torch.randperm(len(rows), generator=generator)[:n].numpy()]
