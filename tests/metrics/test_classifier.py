"""The classifier two-sample test at chance, and where moments see nothing."""

import math

import numpy as np

from swflow.metrics.classifier import classifier_accuracy


def test_classifier_is_at_chance_on_equal_laws_and_sure_on_distant_ones() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 2000, 5))
    # 2,000 test rows: the standard deviation of chance is 1/(2√2000).
    assert abs(classifier_accuracy(x, y, 2000, 0) - 0.5) < 4 / (2 * math.sqrt(2000))
    assert classifier_accuracy(x, y + 3, 2000, 0) > 0.99


def test_classifier_sees_what_moments_do_not() -> None:
    rng = np.random.default_rng(0)
    ring = rng.normal(size=(5000, 2))
    ring /= np.linalg.norm(ring, axis=1, keepdims=True) / math.sqrt(2)
    assert classifier_accuracy(ring, rng.normal(size=(5000, 2)), 5000, 0) > 0.8
