"""Planted copies: the smallest part of copies among fresh rows that each statistic tells."""

from collections.abc import Iterator

import numpy as np

from swflow.metrics.memorisation import Memorisation, few_heldout
from swflow.metrics.names import PLANTED
from swflow.metrics.subject import Measure, Row, Subject

NEEDS = ("samples", "dataset")
SETTINGS = ("n_memorisation", "heldout_ratio", "plant")
FLOORS: dict[str, str] = {}
# The parts that are tried, and the noise on copies: over the median distance of a fresh row to its
# nearest training row.
PARTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
JITTERS = (0.0, 0.25, 0.5, 1.0)
STATISTICS = ("copied", "memorisation_a")
# Standard errors by which a part moves a statistic that is found four times out of five: its lower
# 95 % limit (1.96) is then above what fresh rows have with probability .8 (.84 more).
FOUND = 2.8


def measure(subject: Subject) -> Iterator[Row]:
    """Of real rows, where `plant` says so: planted_{statistic}_{jitter}, see `smallest_parts`."""
    settings, data = subject.settings, subject.dataset
    if subject.sampler.n_rows is None or not settings.plant:
        return
    train = data.rows("train")
    heldout = few_heldout(data.fresh.rows(), len(train), settings)
    rows = Memorisation(train, heldout, settings.n_memorisation)
    yield from subject.each(
        subject.draws[:1], lambda draws: smallest_parts(rows, data.reference.rows(), subject.seed)
    )


def smallest_parts(rows: Memorisation, fresh: np.ndarray, seed: int) -> Iterator[Measure]:
    """The smallest of PARTS of copies among fresh rows `(·, d)` that each statistic finds.

    Four times out of five: the part moves it, from what it is of these fresh rows, by FOUND of its
    standard errors. Whether it is found among these rows would be luck: they are as near to copies
    as they happen to be. For each of JITTERS of Gaussian noise on the copies; nothing where not
    even copies alone are found.
    """
    rng = np.random.default_rng([seed, 1])
    fresh = fresh[rng.permutation(len(fresh))[: rows.n]]
    unit = float(np.median(rows.in_train.of(fresh, 1).distance))
    without = {of.metric: of.value for of in rows.measures(fresh, seed)}
    for jitter in JITTERS:
        missing = list(STATISTICS)
        copies = rows.train[rng.integers(len(rows.train), size=len(fresh))]
        noise = rng.normal(size=copies.shape).astype(np.float32)
        # As far from the row as the noise is said to be.
        copies = copies + jitter * unit * noise / np.sqrt(copies.shape[1])
        for part in PARTS:
            if round(part * len(fresh)) < 1:
                continue
            planted = np.concatenate([copies[: round(part * len(fresh))], fresh])[: len(fresh)]
            found = {of.metric: of.value for of in rows.measures(planted, seed)}
            for name in list(missing):
                if found[name] - without[name] >= FOUND * found[f"{name}_error"]:
                    yield Measure(f"{PLANTED}{name}_{jitter:g}", part, len(fresh))
                    missing.remove(name)
            if not missing:
                break
