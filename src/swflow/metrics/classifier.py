"""The classifier two-sample test: whether a small network tells two clouds apart."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

HIDDEN, EPOCHS, LEARNING_RATE = (128,), 30, 3e-3


@contextmanager
def fixed_budget() -> Iterator[None]:
    """Let classifiers stop after EPOCHS without a warning, in all threads of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def classifier_accuracy(x: np.ndarray, y: np.ndarray, n: int, seed: int) -> float:
    """C2ST (Lopez-Paz & Oquab 2017): accuracy on unseen rows of a classifier of x against y.

    x, y: `(·, d)`, of which the first n rows each are used: half to fit, half to test. ½ where
    the laws are equal, with standard deviation 1/(2√n); 1 where they are told apart.
    """
    n = min(n, len(x), len(y))
    half = n // 2
    labels = np.repeat([0, 1], half)
    scale = np.concatenate([x[:half], y[:half]]).std(axis=0) + 1e-12
    classifier = MLPClassifier(
        HIDDEN,
        batch_size=min(256, 2 * half),
        learning_rate_init=LEARNING_RATE,
        max_iter=EPOCHS,
        random_state=seed,
    )
    classifier.fit(np.concatenate([x[:half], y[:half]]) / scale, labels)
    test = np.concatenate([x[half : 2 * half], y[half : 2 * half]]) / scale
    return float(classifier.score(test, labels))
