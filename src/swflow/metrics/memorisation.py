"""Memorisation: whether samples are nearer to the training rows than fresh data would be."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln
from scipy.stats import mannwhitneyu
from sklearn.neighbors import NearestNeighbors

from swflow.metrics.subject import Measure, Row, Subject
from swflow.runtime.errors import InputError
from swflow.settings import ScoreSettings

NEEDS = ("samples", "dataset")
SETTINGS = ("n_memorisation", "heldout_ratio")
FLOORS = {
    "memorisation_a": "test_set",
    "memorisation_s": "test_set",
    "copied": "test_set",
    "nearest_ratio": "test_set",
    "authenticity": "test_set",
}
N_REPLICATES = 100
# A list of K neighbours holds one of a random part p of the rows but for a chance of (1 − p)^K.
LOG_CHANCE = 14


def measure(subject: Subject) -> Iterator[Row]:
    """Of all draws: see `Memorisation`. Of real rows others that nobody saw: the null.

    Nothing of draws that hold known pixels of some rows: they are near to those by that alone.
    """
    if subject.sampler.spec.known is not None:
        return
    data, n = subject.dataset, subject.settings.n_memorisation
    few = few_heldout(data.fresh.rows(), data.size("train"), subject.settings)
    rows, seed = Memorisation(data.rows("train"), few, n), subject.seed

    def measured(x: np.ndarray) -> list[Measure]:
        return [*rows.measures(x, seed), rows.authenticity(x)]

    if subject.sampler.n_rows is None:
        yield from subject.each(subject.draws, lambda draws: measured(draws.flat))
        return
    real = data.reference.rows()
    size = Measure("train_rows", float(data.size("train")), len(real))
    yield from subject.each(subject.draws, lambda draws: [*measured(real), size])


def few_heldout(rows: np.ndarray, n_train: int, settings: ScoreSettings) -> np.ndarray:
    """Held-out rows `(·, d)`, as many for each of n_train training rows as `heldout_ratio` says.

    Raises InputError where there are not so many.
    """
    if settings.heldout_ratio is None:
        return rows
    wanted = round(settings.heldout_ratio * n_train)
    if not 1 <= wanted <= len(rows):
        raise InputError(
            f"heldout_ratio = {settings.heldout_ratio:g} of {n_train} training rows are {wanted} "
            f"held-out rows, and there are 1 to {len(rows)}: lower it, or raise heldout_fraction."
        )
    return rows[:wanted]


class Neighbours(NamedTuple):
    """The nearest rows of one set to each of n points: distances and row numbers `(n, k)`."""

    distance: np.ndarray
    row: np.ndarray

    def nearest(self, counts: np.ndarray) -> np.ndarray:
        """Distance to the nearest row where row j is there `counts[j]` times, `(n,)`."""
        first = np.argmax(counts[self.row] > 0, axis=1)
        return self.distance[np.arange(len(first)), first]


class Search:
    """The k nearest of rows `(m, d)`, looked up for many points."""

    def __init__(self, rows: np.ndarray, k: int) -> None:
        self.found = NearestNeighbors(n_neighbors=min(k, len(rows))).fit(rows)

    def of(self, points: np.ndarray, k: int | None = None) -> Neighbours:
        """Those of each of `points (n, d)`; only the k nearest of them, where that is said."""
        return Neighbours(*self.found.kneighbors(points, k))


class Replicate(NamedTuple):
    """How often each row is drawn in one replicate; numbers of the samples drawn; `between` of it.

    train: `(N,)`; heldout: `(m,)`; points: `(n,)`; between: distances of held-out rows, drawn with
    replacement, to the nearest training row that is there, `(m,)`.
    """

    train: np.ndarray
    heldout: np.ndarray
    points: np.ndarray
    between: np.ndarray


class Memorisation:
    """A and S of many samples with the same training and held-out rows.

    memorisation_a: P(d(sample, train) < d(held-out, train)) (Meehan et al. 2020).
    memorisation_s: P(a sample is nearer to m training rows than to the m held-out rows), the mean
    over all subsets of m training rows. Both are ½ for fresh data; copies have A = 1 and
    S = (1 + m/N)/2. copied: (2S − 1)·N/m, the part of copies that gives the same S: 0 for fresh
    data, 1 for copies. nearest_ratio: the mean distance to the nearest of m training rows over that
    to the nearest of the m held-out ones: 1 for fresh data, 1 − m/N for copies. A is far below ½
    for samples off the data, above it for samples too near its centre. The errors are deviations
    over replicates in which samples, training rows and held-out rows are drawn with replacement;
    that thins the rows, so they are conservative (by up to 60 %).

    train: `(N, d)`; heldout: `(m, d)`, random rows of the training file that nothing was fitted
    to, of which at most N are used; n: how many samples are looked up; of: the training rows that
    `train` is a random part of (default: all of them), of which copies may be.
    """

    def __init__(
        self, train: np.ndarray, heldout: np.ndarray, n: int, of: int | None = None
    ) -> None:
        heldout = heldout[: len(train)]
        self.train = train
        self.n, self.total, self.m = n, len(train), len(heldout)
        # Copies of rows that are not in `train` are as far from it as fresh data.
        self.unit = (of or len(train)) / len(heldout)
        self.in_train = Search(train, int(np.ceil(LOG_CHANCE * (1 + self.total / self.m))))
        self.in_heldout = Search(heldout, LOG_CHANCE)
        self.between = Search(train, LOG_CHANCE).of(heldout)
        self.replicates: dict[tuple[int, int], list[Replicate]] = {}

    def measures(self, draws: np.ndarray, seed: int) -> Iterator[Measure]:
        """A, S, copied, and their bootstrap standard errors: of the first n of draws `(·, d)`."""
        draws = draws[: self.n]
        to_train, to_heldout = self.in_train.of(draws), self.in_heldout.of(draws)
        once_train, once_heldout = np.ones(self.total, int), np.ones(self.m, int)
        a = share_below(to_train.nearest(once_train), self.between.nearest(once_train))
        s = nearer_subsets(to_train, to_heldout, once_train, once_heldout).mean()
        yield Measure("memorisation_a", float(a), len(draws))
        yield Measure("memorisation_s", float(s), self.m)
        drawn = self._drawn(len(draws), seed)
        near = np.stack([to_train.nearest(of.train)[of.points] for of in drawn])
        shares = share_below(near, np.stack([of.between for of in drawn]))
        subsets = [
            nearer_subsets(to_train, to_heldout, of.train, of.heldout)[of.points].mean()
            for of in drawn
        ]
        error = float(np.std(subsets, ddof=1))
        yield Measure("memorisation_a_error", float(np.std(shares, ddof=1)), len(draws))
        yield Measure("memorisation_s_error", error, self.m)
        few = to_train.nearest(_few(self.total, self.m))
        ratio = few.mean() / to_heldout.nearest(once_heldout).mean()
        yield Measure("nearest_ratio", float(ratio), len(draws))
        # Of copies S is (1 + m/N)/2 only: in these units they have 1, and fresh data 0.
        yield Measure("copied", (2 * float(s) - 1) * self.unit, self.m)
        yield Measure("copied_error", 2 * error * self.unit, self.m)

    def authenticity(self, draws: np.ndarray) -> Measure:
        """Of the first n of draws `(·, d)`, the part that is authentic (Alaa et al. 2022).

        Such a sample is farther from its nearest training row than that one is from any other.
        """
        nearest = self.in_train.of(draws[: self.n], 1)
        # The nearest of all to a training row is itself.
        apart = self.in_train.of(self.train[nearest.row[:, 0]], 2).distance[:, 1]
        authentic = nearest.distance[:, 0] > apart
        return Measure("authenticity", float(authentic.mean()), len(authentic))

    def _drawn(self, n: int, seed: int) -> list[Replicate]:
        """The replicates for n samples: the same for all samples of this number and seed."""
        if (n, seed) not in self.replicates:
            rng = np.random.default_rng(seed)
            self.replicates[n, seed] = [self._replicate(n, rng) for _ in range(N_REPLICATES)]
        return self.replicates[n, seed]

    def _replicate(self, n: int, rng: np.random.Generator) -> Replicate:
        train, heldout = _resample(self.total, rng), _resample(self.m, rng)
        points, fresh = rng.integers(n, size=n), rng.integers(self.m, size=self.m)
        return Replicate(train, heldout, points, self.between.nearest(train)[fresh])


def _few(n: int, m: int) -> np.ndarray:
    """How often each of n rows is there where m of them are, at random, and always the same."""
    counts = np.zeros(n, int)
    counts[np.random.default_rng(0).permutation(n)[:m]] = 1
    return counts


def _resample(n: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of n rows is drawn, n draws with replacement."""
    return np.bincount(rng.integers(n, size=n), minlength=n)


def share_below(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """P(first < second) over all pairs, ties counted half: `(..., n)`, `(..., m)` -> `(...)`."""
    above = mannwhitneyu(second, first, axis=-1, method="asymptotic").statistic
    return above / (first.shape[-1] * second.shape[-1])


def nearer_subsets(
    to_train: Neighbours, to_heldout: Neighbours, train: np.ndarray, heldout: np.ndarray
) -> np.ndarray:
    """For each sample the part of all subsets of m training rows that hold a nearer row, `(n,)`.

    Nearer than the nearest held-out row; train `(N,)`, heldout `(m,)`: how often rows are there.
    """
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
