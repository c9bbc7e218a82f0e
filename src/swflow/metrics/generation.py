"""Generation: how close samples at the end of the flow are to real rows nobody saw."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from swflow.metrics.classifier import classifier_accuracy
from swflow.metrics.distance import root_distance
from swflow.metrics.subject import Measure, Row, Subject
from swflow.randomness import keyed_generator
from swflow.settings import ScoreSettings

NEEDS = ("samples", "dataset")
SETTINGS = ("n_directions", "n_classifier", "n_exact", "generation_stride")
FLOORS = {
    "sw_test": "test_set",
    "w2_test": "test_set",
    "energy_test": "test_set",
    "precision": "test_set",
    "recall": "test_set",
    "density": "test_set",
    "coverage": "test_set",
    "c2st_test": "test_set",
    "spread": "test_set",
}
NEIGHBOURS = 5


def measure(subject: Subject) -> Iterator[Row]:
    """Of draws at every `generation_stride`-th time against real rows: see `generation`."""
    data, settings, seed = subject.dataset, subject.settings, subject.seed
    real = data.reference.rows()
    most = min(len(real), len(data.fresh.x))
    yield from subject.each(
        subject.every(settings.generation_stride),
        lambda draws: generation(draws.flat, real, min(most, len(draws.x)), settings, seed),
    )


def generation(
    draws: np.ndarray, real: np.ndarray, n: int, settings: ScoreSettings, seed: int
) -> Iterator[Measure]:
    """Draws against real rows, both `(·, d)`, n rows of each.

    sw_test, w2_test (exact), energy_test: distances; c2st_test; spread: tr Cov over that of real
    rows; precision, recall, density, coverage: see `overlap`.
    """
    draws, real = _subset(draws, n, seed), _subset(real, n, seed)
    clouds = torch.from_numpy(draws), torch.from_numpy(real)
    yield Measure("sw_test", root_distance(*clouds, seed, settings.n_directions), n)
    yield Measure("c2st_test", classifier_accuracy(draws, real, settings.n_classifier, seed), n)
    yield Measure("spread", float(draws.var(axis=0).sum() / real.var(axis=0).sum()), n)
    few = min(n, settings.n_exact)
    draws, real = draws[:few], real[:few]
    # Distances that all of the following share.
    between, among, of_real = cdist(draws, real), cdist(draws, draws), cdist(real, real)
    yield Measure("w2_test", exact_wasserstein(between), few)
    yield Measure("energy_test", energy_distance(between, among, of_real), few)
    for name, value in overlap(between, among, of_real, min(NEIGHBOURS, few - 1)).items():
        yield Measure(name, value, few)


def exact_wasserstein(between: np.ndarray) -> float:
    """W₂ of two clouds of the same size, equal weights, from all distances `(n, n)`."""
    squared = np.square(between)
    return float(np.sqrt(squared[linear_sum_assignment(squared)].mean()))


def energy_distance(between: np.ndarray, among: np.ndarray, of_real: np.ndarray) -> float:
    """√(2E|X − Y| − E|X − X′| − E|Y − Y′|) over all pairs (Székely & Rizzo 2013), at least 0."""
    squared = 2 * between.mean() - among.mean() - of_real.mean()
    return float(np.sqrt(max(0.0, squared)))


def overlap(
    between: np.ndarray, among: np.ndarray, of_real: np.ndarray, k: int
) -> dict[str, float]:
    """How samples and real rows lie in each other's balls to the k-th neighbour.

    precision, recall (Kynkäänniemi et al. 2019), density, coverage (Naeem et al. 2020, eq. 3-5).
    between: distances of samples to real rows `(n, m)`; among, of_real: within each.
    """
    # The nearest of all is the row itself.
    radii, real_radii = (np.partition(own, k, axis=1)[:, k] for own in (among, of_real))
    inside = between < real_radii  # of the ball of each real row
    return {
        "precision": float(inside.any(axis=1).mean()),
        "recall": float((between < radii[:, None]).any(axis=0).mean()),
        "density": float(inside.sum(axis=1).mean() / k),
        "coverage": float((between.min(axis=0) < real_radii).mean()),
    }


def _subset(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
    generator = keyed_generator(seed, "generation")
    return rows[torch.randperm(len(rows), generator=generator)[:n].numpy()]
