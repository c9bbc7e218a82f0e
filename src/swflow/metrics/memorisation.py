"""Memorisation: whether samples are nearer to the training rows than fresh data would be."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln
from scipy.stats import rankdata
from sklearn.neighbors import NearestNeighbors

N_REPLICATES = 100
# A list of K neighbours holds one of a random part p of the rows but for a chance of (1 − p)^K.
LOG_CHANCE = 14


class Neighbours(NamedTuple):
    """The nearest rows of one set to each of n points: distances and row numbers `(n, k)`."""

    distance: np.ndarray
    row: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, rows: np.ndarray, k: int) -> "Neighbours":
        """The k nearest of `rows (m, d)` to each of `points (n, d)`."""
        found = NearestNeighbors(n_neighbors=min(k, len(rows))).fit(rows).kneighbors(points)
        return cls(*found)

    def nearest(self, counts: np.ndarray) -> np.ndarray:
        """Distance to the nearest row where row j is there `counts[j]` times, `(n,)`."""
        first = np.argmax(counts[self.row] > 0, axis=1)
        return self.distance[np.arange(len(first)), first]


def memorisation(
    draws: np.ndarray, train: np.ndarray, heldout: np.ndarray, seed: int
) -> Iterator[tuple[str, float, int]]:
    """Yield (metric, value, n): A, S and their bootstrap standard errors.

    memorisation_a: P(d(sample, train) < d(held-out, train)) (Meehan et al. 2020).
    memorisation_s: P(a sample is nearer to m training rows than to the m held-out rows), the mean
    over all subsets of m training rows. Both are ½ for fresh data; copies have A = 1 and
    S = (1 + m/N)/2. A is far below ½ for samples off the data, above it for samples too near its
    centre. The errors are deviations over replicates in which samples, training rows and held-out
    rows are drawn with replacement; that thins the rows, so they are conservative (by up to 60 %).

    draws: `(n, d)`; train: `(N, d)`; heldout: `(m, d)`, random rows of the training file that
    nothing was fitted to, of which at most N are used.
    """
    heldout = heldout[: len(train)]
    total, m = len(train), len(heldout)
    k = int(np.ceil(LOG_CHANCE * (1 + total / m)))
    to_train = Neighbours.of(draws, train, k)
    to_heldout = Neighbours.of(draws, heldout, LOG_CHANCE)
    between = Neighbours.of(heldout, train, LOG_CHANCE)
    once_train, once_heldout = np.ones(total, int), np.ones(m, int)
    a = _a(to_train.nearest(once_train), between.nearest(once_train))
    yield "memorisation_a", a, len(draws)
    yield "memorisation_s", float(_s(to_train, to_heldout, once_train, once_heldout).mean()), m
    rng = np.random.default_rng(seed)
    replicates = []
    for _ in range(N_REPLICATES):
        counts_train, counts_heldout = _resample(total, rng), _resample(m, rng)
        points, fresh = rng.integers(len(draws), size=len(draws)), rng.integers(m, size=m)
        a = _a(to_train.nearest(counts_train)[points], between.nearest(counts_train)[fresh])
        s = _s(to_train, to_heldout, counts_train, counts_heldout)[points].mean()
        replicates.append((a, s))
    errors = np.std(replicates, axis=0, ddof=1)
    yield "memorisation_a_error", float(errors[0]), len(draws)
    yield "memorisation_s_error", float(errors[1]), m


def _resample(n: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of n rows is drawn, n draws with replacement."""
    return np.bincount(rng.integers(n, size=n), minlength=n)


def _a(first: np.ndarray, second: np.ndarray) -> float:
    """P(first < second) over all pairs, ties counted half: the Mann-Whitney statistic."""
    ranks = rankdata(np.concatenate([first, second]))[len(first) :]
    below = ranks.sum() - len(second) * (len(second) + 1) / 2
    return float(below / (len(first) * len(second)))


def _s(
    to_train: Neighbours, to_heldout: Neighbours, train: np.ndarray, heldout: np.ndarray
) -> np.ndarray:
    """For each sample the part of all subsets of training rows that hold a nearer row, `(n,)`."""
    total, m = int(train.sum()), int(heldout.sum())
    limit = to_heldout.nearest(heldout)[:, None]
    nearer = (train[to_train.row] * (to_train.distance < limit)).sum(axis=1)
    # Of all C(N, m) subsets, C(N − r, m) avoid the r nearer rows.
    left = np.maximum(total - nearer, m - 1)  # at m − 1 none can
    avoid = np.exp(
        gammaln(left + 1)
        - gammaln(np.maximum(left - m, 0) + 1)
        - gammaln(total + 1)
        + gammaln(total - m + 1)
    )
    return np.where(left < m, 1.0, 1 - avoid)
