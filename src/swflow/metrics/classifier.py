"""The classifier two-sample test: whether a small network tells two clouds apart."""

import threading
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

HIDDEN, EPOCHS, LEARNING_RATE = (128,), 30, 3e-3
# One fit at a time: its many short steps hold the GIL, and two side by side wait for each other.
FITTING = threading.Lock()
# The budget is fixed. For the whole process, since filters are: one set in a thread is no use.
warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations", ConvergenceWarning)


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
    with FITTING:
        classifier.fit(np.concatenate([x[:half], y[:half]]) / scale, labels)
    test = np.concatenate([x[half : 2 * half], y[half : 2 * half]]) / scale
    return float(classifier.score(test, labels))
