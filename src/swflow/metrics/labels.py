"""Control by the class: whether draws of a class are those of its particles, and look like it."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.svm import SVC

from swflow.flow.trajectory import Trajectory
from swflow.metrics.distance import DistanceTo
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.draws import Draws

NEEDS = ("samples", "dataset", "references")
SETTINGS = ("n_directions",)
FLOORS = {"sw2_class": "particles", "label_agreement": "test_set"}
# What the classifier learns from. Of more numbers it takes minutes and sees little: images are
# judged by the classifier of `images`.
MOST_ROWS, MOST_NUMBERS = 10000, 1024
# Of the draws of a class, whose number is random, as many are compared as there always are.
SAFE_PART = 0.8


def measure(subject: Subject) -> Iterator[Row]:
    """Of labelled draws at the end of the flow.

    sw2_class: of each class of which there are draws, SW² of these to its particles in a reference
    run;
    label_agreement: part of all draws whose class a classifier of the training rows sees (not of
    rows of more than MOST_NUMBERS numbers).
    """
    labelled = [of for of in subject.ends if of.label is not None]
    y = subject.dataset.splits["train"].y
    if not labelled or y is None:
        return
    small = subject.dataset.dim <= MOST_NUMBERS
    classifier = LabelClassifier(subject.dataset.rows("train"), y) if small else None

    def measures(draws: Draws) -> Iterator[Measure]:
        assert draws.label is not None
        reference = subject.reference(draws.condition)
        if reference is not None and reference.label is not None:
            yield from of_classes(subject, draws, reference)
        if classifier is not None:
            agreement = classifier.agreement(draws.flat, draws.label)
            yield Measure("label_agreement", agreement, len(draws.x))

    yield from subject.each(labelled, measures)


def of_classes(subject: Subject, draws: Draws, reference: Trajectory) -> Iterator[Measure]:
    """SW² of the draws of each class to the particles of that class."""
    assert reference.label is not None
    time = draws.condition.time
    cloud = reference.particles(reference.index(reference.time[-1] if time is None else time))
    for known in np.unique(reference.label):
        own = reference.label == known
        n = math.floor(SAFE_PART * own.mean() * len(draws.x))
        of_class = torch.from_numpy(draws.flat[draws.label == known][:n])
        if not len(of_class):
            continue
        to_particles = torch.from_numpy(cloud[own])
        against = DistanceTo(to_particles, subject.settings.n_directions, subject.seed)
        yield Measure("sw2_class", against(of_class), len(of_class), label=int(known))


class LabelClassifier:
    """A support vector classifier (radial kernel) of real rows `(N, d)` with classes `(N,)`.

    At most the first MOST_ROWS rows are learned from.
    """

    def __init__(self, rows: np.ndarray, label: np.ndarray) -> None:
        self.classifier = SVC().fit(rows[:MOST_ROWS], label[:MOST_ROWS])

    def agreement(self, draws: np.ndarray, label: np.ndarray) -> float:
        """Part of draws `(n, d)` whose class `(n,)` is the one that the classifier sees."""
        return float(self.classifier.score(draws, label))
