"""Label agreement: whether a classifier of real rows sees the class that was asked for."""

import numpy as np
from sklearn.svm import SVC

MOST_ROWS = 10000


class Judge:
    """A support vector classifier (radial kernel) of real rows `(N, d)` with classes `(N,)`.

    At most the first MOST_ROWS rows are learned from.
    """

    def __init__(self, rows: np.ndarray, label: np.ndarray) -> None:
        self.classifier = SVC().fit(rows[:MOST_ROWS], label[:MOST_ROWS])

    def agreement(self, draws: np.ndarray, label: np.ndarray) -> float:
        """Part of draws `(n, d)` whose class `(n,)` is the one that the classifier sees."""
        return float(self.classifier.score(draws, label))
