"""Features of images: the last hidden layer of a classifier that is trained for this alone."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from swflow.events import image_shape
from swflow.networks.convolutional import Classifier
from swflow.randomness import keyed_generator
from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset, Split
from swflow.representation.decoder import BATCH_ROWS
from swflow.runtime.errors import InputError
from swflow.settings import FeatureSettings
from swflow.training.loop import History, TrainingRun, seeded_weights, train_network

DROPPED = 0.3  # of the features, in training
LEAST_SEEN = 1e-6  # keeps a division defined where a layer sees nothing
# Without classes: which way an image was mirrored (after Gidaris et al. 2018, for any shape).
MIRRORED_AXES: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


class Seen(NamedTuple):
    """What the classifier makes of n images: features `(n, dim)`, float64, and classes `(n,)`."""

    features: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class FeatureSpace:
    """A classifier of images, fitted to the first half of a dataset's training rows.

    images, digest: the dataset's name and content; units: its model units; labels: the classes told
    apart (none: how an image was mirrored); accuracy: of fresh images, in [0, 1].
    """

    settings: FeatureSettings
    images: str
    digest: str
    units: Affine
    labels: tuple[int, ...]
    network: Classifier
    accuracy: float = float("nan")

    @cached_property
    def identity(self) -> str:
        """A digest of the weights."""
        digest = hashlib.sha256()
        for name, value in sorted(self.tensors().items()):
            digest.update(name.encode() + value.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    @torch.inference_mode()
    def look(self, images: np.ndarray) -> Seen:
        """At images `(n, *event_shape)` in data units."""
        shape, known = image_shape(self.units.event_shape), np.array(self.labels or (0,))
        features, label = [], []
        for begin in range(0, len(images), BATCH_ROWS):
            rows = self.units.encode(images[begin : begin + BATCH_ROWS])
            found = self.network.features(torch.from_numpy(rows).reshape(-1, *shape))
            features.append(found)
            label.append(self.network.out(found).argmax(dim=1))
        chosen = torch.cat(label).numpy() if self.labels else np.zeros(len(images), int)
        return Seen(torch.cat(features).double().numpy(), known[chosen])

    def tensors(self) -> dict[str, Tensor]:
        """The classifier's weights."""
        return dict(self.network.state_dict())

    @classmethod
    def rebuild(
        cls,
        settings: FeatureSettings,
        images: str,
        digest: str,
        units: Affine,
        labels: tuple[int, ...],
        tensors: Mapping[str, Tensor],
    ) -> Self:
        """The features with these weights. Raises RuntimeError where they do not fit."""
        network = _classifier(settings, image_shape(units.event_shape), labels)
        network.load_state_dict(dict(tensors))
        return cls(settings, images, digest, units, labels, network.eval())


def first_half(split: Split) -> Split:
    """The training rows that the classifier learns from."""
    return split.part(0, len(split.x) // 2)


def second_half(split: Split) -> Split:
    """The training rows that it never sees."""
    return split.part(len(split.x) // 2)


def fit_features(
    settings: FeatureSettings, images: Dataset, run: TrainingRun
) -> tuple[FeatureSpace, History]:
    """Fit a classifier to the first half of the training rows; with its history.

    It tells classes apart; where there are none, images from mirrored ones. Raises InputError where
    rows are no images, or all of one class, and DivergedError as `train_network` does.
    """
    shape = image_shape(images.units.event_shape)
    labels, network, history = fit_classifier(
        settings, first_half(images.splits["train"]), shape, run
    )
    accuracy = _accuracy(network, images.fresh, labels, shape)
    names = images.name, images.digest
    return FeatureSpace(settings, *names, images.units, labels, network, accuracy), history


def fit_classifier(
    settings: FeatureSettings, split: Split, shape: tuple[int, int, int], run: TrainingRun
) -> tuple[tuple[int, ...], Classifier, History]:
    """A classifier of the images of a split: the classes it tells apart, and its history.

    Raises as `fit_features`.
    """
    labels = () if split.y is None else tuple(map(int, np.unique(split.y)))
    if len(labels) == 1:
        raise InputError(
            f"all images are of one class, {labels[0]}: nothing to tell apart; leave labels out "
            "(labels: false)."
        )
    x = torch.from_numpy(split.rows()).reshape(-1, *shape)
    y = None if split.y is None else torch.from_numpy(np.searchsorted(labels, split.y))

    def loss(network: Classifier, step: int) -> Tensor:
        generator = keyed_generator(run.seed, "features", step)
        rows = torch.randint(len(x), (settings.training.batch_size,), generator=generator)
        batch, goal = (x[rows], y[rows]) if y is not None else _mirrored(x[rows], generator)
        batch, goal = batch.to(run.device), goal.to(run.device)
        features = network.features(batch)
        kept = torch.rand(features.shape, generator=generator).to(run.device) >= DROPPED
        logits = network.out(features * kept / (1 - DROPPED))
        return nn.functional.cross_entropy(logits.float(), goal)

    with seeded_weights(run.seed):
        network = _classifier(settings, shape, labels).to(run.device)
    fitted, history = train_network(network, loss, settings.training, run)
    return labels, fitted.cpu().eval(), history


def perceived_difference(critic: Classifier, made: Tensor, real: Tensor) -> Tensor:
    """How differently a classifier sees images and what was made of them, both in model units.

    Over its hidden layers the sum of the mean absolute differences, relative to what it sees (after
    Johnson et al. 2016).
    """
    with torch.no_grad():
        goals = [layer.float() for layer in critic.seen(real)]
    total = torch.zeros((), device=real.device)
    for layer, goal in zip(critic.seen(made), goals, strict=True):
        total = total + (layer.float() - goal).abs().mean() / (goal.abs().mean() + LEAST_SEEN)
    return total


def _classifier(
    settings: FeatureSettings, shape: tuple[int, int, int], labels: tuple[int, ...]
) -> Classifier:
    return Classifier(settings.network, shape, settings.dim, len(labels) or len(MIRRORED_AXES))


def _mirrored(x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images mirrored at random, and how."""
    how = torch.randint(len(MIRRORED_AXES), (len(x),), generator=generator)
    turned = torch.stack([x.flip(axes) if axes else x for axes in MIRRORED_AXES])
    return turned[how, torch.arange(len(x))], how


@torch.inference_mode()
def _accuracy(
    network: Classifier, fresh: Split, labels: tuple[int, ...], shape: tuple[int, int, int]
) -> float:
    x = torch.from_numpy(fresh.rows()).reshape(-1, *shape)
    if fresh.y is None:
        x, goal = _mirrored(x, keyed_generator(0, "accuracy"))
    else:
        goal = torch.from_numpy(np.searchsorted(labels, fresh.y))
    seen = torch.cat([network(part).argmax(dim=1) for part in x.split(BATCH_ROWS)])
    return float((seen == goal).double().mean())
