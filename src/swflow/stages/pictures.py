"""The picture stage, and films: stored samples as SVG, PNG, GIF or MP4."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.animation import writers as movie_writers
from torch import Generator

from swflow.models.completing import CompletingModel
from swflow.models.draws import Draws
from swflow.models.sampler import Journey, Sampler
from swflow.models.source_model import SourceModel
from swflow.models.spec import Condition
from swflow.report.names import NO_NAMES, Names
from swflow.report.pictures import completions as completed
from swflow.report.pictures import entropies, interpolation, times
from swflow.report.pictures import neighbours as nearest
from swflow.report.pictures.common import at_end, most_passes
from swflow.report.pictures.film import Frames, moving
from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset
from swflow.representation.features import FeatureSpace
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path
from swflow.stages.figures import write_figure
from swflow.stages.sample import read_samples


def picture(
    samples: Sequence[Path],
    dataset: Dataset,
    out: Path,
    entropy: float | None,
    names: Names = NO_NAMES,
) -> None:
    """Draw stored samples, a row for each file: over time at an entropy, or over entropy.

    names: what presets are called.
    """
    rows = {_row(path, names): list(read_samples(path)) for path in samples}
    if entropy is None:
        write_figure(entropies.picture(dataset, rows), out)
    else:
        write_figure(times.picture(dataset, rows, entropy), out)


def neighbours(
    samples: Sequence[Path],
    dataset: Dataset,
    images: Dataset,
    features: FeatureSpace,
    out: Path,
    seed: int,
    names: Names = NO_NAMES,
) -> None:
    """Draw random samples at the end of the flow beside their nearest training images."""
    rows = {_row(path, names): _at_end(path) for path in samples}
    write_figure(nearest.picture(rows, dataset, images, features, seed), out)


def interpolate(model: SourceModel, out: Path, seed: int) -> None:
    """Draw what a model makes of points between two source points of each class."""
    write_figure(interpolation.picture(model, seed), out)


def completions(model: CompletingModel, dataset: Dataset, out: Path, seed: int) -> None:
    """Draw held-out images that a model completes from what is known of them."""
    write_figure(completed.picture(model, dataset, seed), out)


def _row(path: Path, names: Names) -> str:
    """What a file …/{row}/seedN.h5 is called."""
    return names.get(path.parent.name, path.parent.name)


def _at_end(path: Path) -> Draws:
    """The draws at the end of the flow, its first entropy and the most passes."""
    ends = at_end(most_passes(list(read_samples(path))))
    return min(ends, key=lambda of: of.condition.entropy or 0.0)


def journeys(sampler: Sampler, n: int, condition: Condition, generator: Generator) -> Journey:
    """Of n points; of as many of each class as n allows, in turn, where all classes are asked."""
    if condition.label is not None or not sampler.spec.labels:
        return sampler.journey(n, condition, generator)
    of_each = [
        sampler.journey(
            max(1, n // len(sampler.spec.labels)), condition._replace(label=known), generator
        )
        for known in sampler.spec.labels
    ]
    return lambda time: torch.stack([at(time) for at in of_each], dim=1).flatten(0, 1)


def columns_of(n: int, classes: int) -> int:
    """Columns of a picture of n images in which every class has as many: near a square."""
    return classes * max(1, round(n**0.5 / classes)) if classes else 0


def animate(
    units: Affine, frames: Frames, n_frames: int, rate: int, out: Path, columns: int = 0
) -> None:
    """Write a GIF or MP4 of samples over time, by the ending of `out`.

    rate: frames a second; the last frame is held for a second; columns: of images (0: a square).
    Raises InputError for another ending, or MP4 where ffmpeg is not installed.
    """
    writers = {".gif": "pillow", ".mp4": "ffmpeg"}
    if out.suffix not in writers:
        raise InputError(f"{out}: the ending must be .gif or .mp4.")
    if not movie_writers.is_available(writers[out.suffix]):
        raise InputError(f"{out}: ffmpeg is not installed; install it, or write a .gif.")
    figure, draw = moving(units, frames, n_frames, columns)
    last = [n_frames - 1] * rate
    movie = FuncAnimation(figure, draw, frames=[*range(n_frames), *last], init_func=list)
    with tempfile.TemporaryDirectory() as folder:  # writers go by a file's ending
        made = Path(folder) / out.name
        movie.save(made, writer=writers[out.suffix], fps=rate, dpi=100)
        with atomic_path(out) as partial:
            shutil.copyfile(made, partial)
    plt.close(figure)
