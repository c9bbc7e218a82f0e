"""Images: how near decoded samples are to real ones, in features and in pixels, and to copies."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch

from swflow.events import image_shape
from swflow.metrics.frechet import FrechetTo, kernel_distance
from swflow.metrics.generation import NEIGHBOURS, overlap
from swflow.metrics.memorisation import Memorisation, few_heldout
from swflow.metrics.names import DECODED, EVEN, FEATURE, OFFICIAL, PIXEL, TRAINING
from swflow.metrics.spectrum import fine_power
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.draws import Draws
from swflow.models.source_model import SourceModel
from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset, Split
from swflow.representation.features import FeatureSpace, second_half
from swflow.runtime.errors import InputError
from swflow.settings import ScoreSettings

NEEDS = ("samples", "dataset", "images")
SETTINGS = ("n_exact", "n_memorisation", "image_stride", "heldout_ratio")
FLOORS = {
    "feature_frechet": "test_set",
    "feature_kernel": "test_set",
    "feature_precision": "test_set",
    "feature_recall": "test_set",
    "feature_density": "test_set",
    "feature_coverage": "test_set",
    "feature_memorisation_a": "test_set",
    "feature_memorisation_s": "test_set",
    "feature_copied": "test_set",
    "pixel_frechet": "test_set",
    "pixel_kernel": "test_set",
    "pixel_precision": "test_set",
    "pixel_recall": "test_set",
    "pixel_density": "test_set",
    "pixel_coverage": "test_set",
    "pixel_memorisation_a": "test_set",
    "pixel_memorisation_s": "test_set",
    "pixel_copied": "test_set",
    "class_agreement": "test_set",
    "sharpness": "test_set",
}


class Points(NamedTuple):
    """Images in both spaces, `(n, d)` each, and the classes that the classifier sees in them."""

    rows: dict[str, np.ndarray]
    seen: np.ndarray


def measure(subject: Subject) -> Iterator[Row]:
    """Of draws of images or of their latents, at every `image_stride`-th time from the last.

    In the features of a classifier that trained nothing else and in pixels (model units), of as
    many draws as there are fresh real images, against other real images: frechet, kernel (with
    errors), precision, recall, density, coverage; memorisation_a, _s, copied: see `Memorisation`
    (in features the training rows are those that the classifier did not learn from; not of draws
    that hold known pixels of some rows, which are near to those by that alone).
    class_agreement: part of labelled draws whose class the classifier sees; sharpness: power of
    fine detail over that of real images (`fine_power`).
    With a prefix: EVEN, of evenly spread draws at the end, where source points are carried; of real
    rows TRAINING, OFFICIAL, DECODED images.
    """
    if subject.images is None or subject.features is None:
        return
    gallery = Gallery(subject, subject.images, subject.features)
    if subject.sampler.n_rows is None:
        yield from subject.each(subject.every(subject.settings.image_stride), gallery.of_draws)
        if isinstance(subject.sampler, SourceModel):
            yield from subject.each(subject.ends, partial(gallery.of_even_draws, subject.sampler))
    else:
        yield from subject.each(subject.draws[:1], lambda draws: gallery.of_real_images())


@dataclass(frozen=True)
class Compared:
    """What real images are compared in, and how many: equal where content and sizes are.

    most: as many as there are draws, so that distances and their floors are of equal numbers.
    """

    key: tuple[Any, ...]
    images: Dataset = field(compare=False)
    features: FeatureSpace = field(compare=False)
    settings: ScoreSettings = field(compare=False)
    n_train: int = field(compare=False)
    but_last: int = field(compare=False)
    most: int = field(compare=False)


class RealImages:
    """Real images in both spaces: fresh ones, the reference, and training images.

    train: those that the rows stand for; unseen: those of them that the classifier never saw.
    Raises InputError where it saw all.
    """

    def __init__(self, of: Compared) -> None:
        self.images, self.features = of.images, of.features
        self.measured: dict[tuple[str, str], list[Measure]] = {}  # of real images
        self.n = min(len(of.images.fresh.x), len(of.images.reference.x), of.most)
        self.train = of.images.splits["train"].last(of.n_train, of.but_last)
        unseen = second_half(of.images.splits["train"])
        n_unseen = min(of.n_train, len(unseen.x) - of.but_last)
        if n_unseen < 1:
            raise InputError(
                f"but_last = {of.but_last}: the classifier of the features learned from all rows "
                f"that are left; leave out fewer than {len(unseen.x)}."
            )
        self.unseen = unseen.last(n_unseen, of.but_last)
        self.training, self.fresh, self.reference = (
            self.real(split) for split in (self.unseen, of.images.fresh, of.images.reference)
        )
        pixels = self.train.rows()
        train = {FEATURE: self.training.rows[FEATURE], PIXEL: pixels}
        self.spaces = {
            name: Space(
                train[name],
                len(pixels),
                few_heldout(self.fresh.rows[name], len(pixels), of.settings),
                self.reference.rows[name][: self.n],
                of.settings,
            )
            for name in (FEATURE, PIXEL)
        }
        self.fine_power = self.fine_power_of(self.reference)

    def fine_power_of(self, points: Points) -> float:
        """`fine_power` of images in pixels, at most n."""
        shape = image_shape(self.images.units.event_shape)
        return fine_power(points.rows[PIXEL][: self.n].reshape(-1, *shape))

    def real(self, split: Split) -> Points:
        """Images of a split, which are in model units."""
        return self.points(self.images.units.decode(split.rows()))

    def points(self, images: np.ndarray) -> Points:
        """Images in data units, `(n, *event_shape)`, in each space."""
        seen = self.features.look(images)
        pixels = self.images.units.encode(images).reshape(len(images), -1)
        return Points({FEATURE: seen.features, PIXEL: pixels}, seen.label)


# The seeds of a row are scored one after the other in one process, against the same images.
real_images = lru_cache(maxsize=1)(RealImages)


class Gallery:
    """Images of a subject's draws, and real ones, against real ones."""

    def __init__(self, subject: Subject, images: Dataset, features: FeatureSpace) -> None:
        settings, n = subject.settings, subject.dataset.size("train")
        but_last = int(subject.dataset.attributes.get("but_last", 0))
        most = min(len(of.x) for of in subject.draws)
        sizes = settings.n_exact, settings.n_memorisation, settings.heldout_ratio
        key = images.digest, features.identity, n, but_last, most, *sizes
        self.real = real_images(Compared(key, images, features, settings, n, but_last, most))
        self.dataset, self.seed = subject.dataset, subject.seed
        self.n_copies = subject.settings.n_memorisation
        self.holds_pixels = subject.sampler.spec.known is not None

    def of_draws(self, draws: Draws) -> Iterator[Measure]:
        """The measures of draws in model units, of as many as are looked at."""
        n = max(self.real.n, self.n_copies)
        points = self.real.points(self.dataset.units.decode(draws.flat[:n]))
        yield from self._quality(points, None if draws.label is None else draws.label[:n])
        if not self.holds_pixels:
            yield from self._copies(points)

    def of_even_draws(self, model: SourceModel, draws: Draws) -> Iterator[Measure]:
        """The quality of draws from evenly spread source points, under the condition of others."""
        generator, units = keyed_generator(self.seed, "images"), self.dataset.units
        drawn = model.draw(self.real.n, draws.condition, generator, quasi=True)
        labels = None if drawn.label is None else drawn.label.numpy()
        points = self.real.points(units.decode(drawn.x.numpy()))
        yield from self._quality(points, labels, EVEN)

    def of_real_images(self) -> Iterator[Measure]:
        """Of real images, by prefix; those that copies are told from are the fresh ones.

        So it is the reference whose memorisation is measured; its control are images of both halves
        of the training images, while distances are of the half that the classifier never saw.
        """
        real, dataset, n = self.real, self.dataset, self.n_copies
        yield from self._real_quality(real.fresh, real.images.fresh.y)
        yield from self._copies(real.reference)
        yield from self._real_quality(real.training, real.unseen.y, TRAINING)
        copies = thinned(real.train, n)
        yield from self._copies(real.real(copies), TRAINING)
        if real.images.official_test:
            test = real.images.splits["test"]
            yield from self._real_quality(real.real(test), test.y, OFFICIAL)
        if dataset.units.packed is not None:
            latents = dataset.splits["train"].part(-len(real.unseen.x)).part(0, real.n)
            yield from self._real_quality(self._decoded(dataset.fresh), dataset.fresh.y, DECODED)
            yield from self._copies(self._decoded(dataset.reference), DECODED)
            yield from self._real_quality(self._decoded(latents), latents.y, DECODED + TRAINING)
            copies = thinned(dataset.splits["train"], n)
            yield from self._copies(self._decoded(copies), DECODED + TRAINING)

    def _real_quality(
        self, points: Points, label: np.ndarray | None, prefix: str = ""
    ) -> Iterator[Measure]:
        """The same for all seeds, of which the first computes it."""
        key, measured = (self.dataset.digest, prefix), self.real.measured
        if key not in measured:
            measured[key] = list(self._quality(points, label, prefix))
        return iter(measured[key])

    def _quality(
        self, points: Points, label: np.ndarray | None, prefix: str = ""
    ) -> Iterator[Measure]:
        for name, space in self.real.spaces.items():
            yield from named(space.quality(points.rows[name][: self.real.n]), prefix + name)
        sharpness = self.real.fine_power_of(points) / self.real.fine_power
        yield Measure(f"{prefix}sharpness", sharpness, self.real.n)
        if label is not None and self.real.features.labels:
            agreement = float((points.seen == label).mean())
            yield Measure(f"{prefix}class_agreement", agreement, len(label))

    def _copies(self, points: Points, prefix: str = "") -> Iterator[Measure]:
        for name, space in self.real.spaces.items():
            measures = space.memorisation.measures(points.rows[name], self.seed)
            yield from named(measures, prefix + name)

    def _decoded(self, split: Split) -> Points:
        """What the decoder makes of latents."""
        return self.real.points(self.dataset.units.decode(split.rows()))


@dataclass
class Space:
    """Real images in one space, and what samples are held against there.

    train `(N, d)`, a random part of so many training images; fresh `(m, d)`, which nothing was
    fitted to; reference `(n, d)`, others.
    """

    train: np.ndarray
    n_train: int
    fresh: np.ndarray
    reference: np.ndarray
    settings: ScoreSettings

    def __post_init__(self) -> None:
        n = self.settings.n_memorisation
        self.memorisation = Memorisation(self.train, self.fresh, n, self.n_train)
        self.frechet = FrechetTo(self.reference)

    @cached_property
    def of_real(self) -> np.ndarray:
        """Distances among a few of the reference rows."""
        few = self.reference[: self.settings.n_exact]
        return distances(few, few)

    def quality(self, x: np.ndarray) -> Iterator[Measure]:
        """Of samples `(n, d)` against the reference."""
        n = len(x)
        for name, (value, error) in {
            "frechet": self.frechet(x),
            "kernel": kernel_distance(x, self.reference),
        }.items():
            yield Measure(name, value, n)
            yield Measure(f"{name}_error", error, n)
        few = min(n, len(self.of_real))
        x, real, of_real = x[:few], self.reference[:few], self.of_real[:few, :few]
        found = overlap(distances(x, real), distances(x, x), of_real, min(NEIGHBOURS, few - 1))
        for name, value in found.items():
            yield Measure(name, value, few)


def thinned(split: Split, n: int) -> Split:
    """Some n rows (or all there are), evenly spread over all of a split, with their classes."""
    there = len(split.x)
    some = min(n, there)
    chosen = np.arange(some) * there // some
    return Split(split.x[:][chosen], None if split.y is None else split.y[chosen])


def named(measures: Iterator[Measure], prefix: str) -> Iterator[Measure]:
    """Measures with a prefix before their names."""
    return (of._replace(metric=f"{prefix}{of.metric}") for of in measures)


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Euclidean distances of rows `(n, d)` to rows `(m, d)`, by matrix products in float64."""
    first, second = (torch.from_numpy(np.asarray(of, np.float64)) for of in (x, y))
    mode = "use_mm_for_euclid_dist"
    found: np.ndarray = torch.cdist(first, second, compute_mode=mode).numpy()
    return found
