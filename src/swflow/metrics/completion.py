"""Completion: of images of which a part is known, how good the rest is that a model fills in."""

from collections.abc import Iterator

import numpy as np
import torch

from swflow.events import image_shape
from swflow.flow.known import held
from swflow.metrics.frechet import FrechetTo
from swflow.metrics.names import SWAPPED
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.completing import CompletingModel
from swflow.models.draws import Draws
from swflow.models.spec import Condition
from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset
from swflow.representation.features import FeatureSpace

NEEDS = ("samples", "dataset", "images")
SETTINGS = ()
REPEATS = 4  # completions of each image, from as many source points


def measure(subject: Subject) -> Iterator[Row]:
    """Of flows that hold known pixels and their models, at the end, at each entropy.

    completed_frechet: of held-out images whose unknown pixels a model filled in, to other real
    images, in the features of a classifier that trained nothing else (floor: of the whole images);
    completed_agreement: part of them whose class the classifier sees (floor: of the whole images);
    completed_seam: mean difference of neighbouring pixels, one known and one not, over that of
    whole images; completed_diversity: deviation of the unknown pixels over source points, over
    that over images. With the prefix SWAPPED, a control: the unknown pixels of another image. Of a
    flow itself the distance and the seam of its particles, which hold pixels of training rows.
    """
    if subject.sampler.spec.known is None or subject.images is None or subject.features is None:
        return
    bench = Bench(subject, subject.images, subject.features)
    yield from subject.each(subject.ends, bench.of_draws)


class Bench:
    """Held-out images, whole and completed, in the features of a classifier."""

    def __init__(self, subject: Subject, images: Dataset, features: FeatureSpace) -> None:
        known = subject.sampler.spec.known_coordinates
        assert known is not None
        self.sampler, self.seed, self.known = subject.sampler, subject.seed, known
        self.units, self.features, self.fresh = images.units, features, images.fresh
        self.rows = torch.from_numpy(images.fresh.rows())
        self.frechet = FrechetTo(features.look(self.units.decode(images.reference.rows())).features)
        self.whole = self._of_images(self.rows.numpy())
        order = torch.randperm(len(self.rows), generator=keyed_generator(self.seed, "swapped"))
        self.swapped = held(self.rows[order], self.rows, known).numpy()

    def of_draws(self, draws: Draws) -> Iterator[Measure]:
        """Of a model's own completions of all held-out images; of a flow's particles."""
        if not isinstance(self.sampler, CompletingModel):
            yield from self._measures("", draws.flat[: len(self.rows)], classed=False)
            return
        generator = keyed_generator(self.seed, "completed")
        made = [self._completed(draws.condition, generator) for _ in range(REPEATS)]
        yield from self._measures("", made[0])
        free = np.stack(made)[..., ~self.known.numpy()]
        of_images = self.rows.numpy()[:, ~self.known.numpy()].var(axis=0).mean()
        spread = np.sqrt(free.var(axis=0, ddof=1).mean() / of_images)
        yield Measure("completed_diversity", float(spread), len(self.rows))
        yield from self._measures(SWAPPED, self.swapped)

    def _completed(self, condition: Condition, generator: torch.Generator) -> np.ndarray:
        assert isinstance(self.sampler, CompletingModel)
        found: np.ndarray = self.sampler.completed(self.rows, condition, generator).numpy()
        return found

    def _measures(self, prefix: str, rows: np.ndarray, classed: bool = True) -> Iterator[Measure]:
        for name, value in self._of_images(rows).items():
            if classed or name != "completed_agreement":
                yield Measure(prefix + name, value, len(rows), floor=self.whole[name])

    def _of_images(self, rows: np.ndarray) -> dict[str, float]:
        """Distance, agreement with the classes of the held-out images, and seam of rows."""
        seen, y = self.features.look(self.units.decode(rows)), self.fresh.y
        found = {"completed_frechet": self.frechet(seen.features)[0]}
        if y is not None and self.features.labels:
            found["completed_agreement"] = float((seen.label == y[: len(rows)]).mean())
        shape = image_shape(self.units.event_shape)
        known = self.known.numpy().reshape(shape)
        found["completed_seam"] = seam(rows.reshape(-1, *shape), known)
        return found


def seam(images: np.ndarray, known: np.ndarray) -> float:
    """Mean difference of neighbours of which one is known, over that of other neighbours.

    images: `(n, c, h, w)`; known: `(c, h, w)`.
    """
    across, within = [], []
    for axis in (-1, -2):
        jump = np.abs(np.diff(images, axis=axis)).mean(axis=0)
        crosses = np.diff(known, axis=axis)
        across.append(jump[crosses])
        within.append(jump[~crosses])
    return float(np.concatenate(across).mean() / np.concatenate(within).mean())
