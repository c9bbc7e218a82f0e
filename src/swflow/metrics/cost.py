"""Cost: what must be kept to draw more samples once everything is fitted, and what a draw takes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from swflow.flow.trajectory import Trajectory
from swflow.metrics.distance import root_distance
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.sampler import Model
from swflow.models.spec import Condition
from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset
from swflow.schedule.steps import step_schedule

NEEDS = ("samples", "source", "dataset", "references")
SETTINGS = ("n_timed",)
FLOORS: dict[str, str] = {}
UNCHANGED = 0.1  # rounding moves rows by less than this part of the distance to other rows


def measure(subject: Subject) -> Iterator[Row]:
    """At the end of the flow, of a run or of what was fitted.

    stored_bytes: what must be kept to draw more, at the lowest precision that leaves SW unchanged;
    break_even_rows: how many data rows take as many bytes; working_set_bytes: memory of the run, or
    of drawing the stored samples, beyond what was in use before it; evaluations: of the drift or
    the network behind a sample. Of latents also: decoder_bytes, which both need on top;
    image_bytes: of the images behind the rows in 256 levels; break_even_images: how many of them
    take as many bytes as the network.
    """
    for draws in subject.ends:
        yield from subject.rows(draws.condition, of_condition(subject, draws.condition))


def of_condition(subject: Subject, condition: Condition) -> Iterator[Measure]:
    """The measures under one condition; none of real rows."""
    sampler, dataset, n = subject.sampler, subject.dataset, subject.settings.n_timed
    run = sampler.run(condition)
    if run is not None:
        yield from _of_run(run, dataset, subject.seed, n)
        yield from _of_decoder(dataset, None)
    elif isinstance(sampler, Model):
        stored = float(_model_bytes(sampler, subject, condition))
        row_bytes = dataset.dim * data_itemsize(dataset, subject.seed)
        yield Measure("stored_bytes", stored, n)
        yield Measure("break_even_rows", stored / row_bytes, n)
        yield Measure("evaluations", float(condition.passes), n)
        drawn = len(subject.draws[0].x)
        yield Measure("working_set_bytes", float(subject.working_set_bytes), drawn)
        yield from _of_decoder(dataset, stored)


def _of_run(run: Trajectory, dataset: Dataset, seed: int, n: int) -> Iterator[Measure]:
    flow, n_rows = run.settings, dataset.size("train")
    if flow.transport.condensed and not flow.redraw:
        # Fixed directions and the quantiles along them are all that a new run needs.
        quantiles = int(getattr(flow.transport, "n_quantiles", 0))
        stored = 4 * flow.n_directions * (dataset.dim + quantiles)
    else:
        stored = dataset.dim * data_itemsize(dataset, seed) * n_rows
    yield Measure("stored_bytes", float(stored), n_rows)
    memory = float(run.attributes["working_set_bytes"])
    yield Measure("working_set_bytes", memory, flow.n_particles)
    yield Measure("evaluations", float(len(step_schedule(flow))), n)


def _of_decoder(dataset: Dataset, stored: float | None) -> Iterator[Measure]:
    """Of latents: bytes of the decoder and of images; stored: those of a network."""
    units, n_rows = dataset.units, dataset.size("train")
    if units.packed is None:
        return
    image = float(np.prod(units.data_shape))
    yield Measure("decoder_bytes", float(units.decoder_bytes), n_rows)
    yield Measure("image_bytes", image * n_rows, n_rows)
    if stored is not None:
        yield Measure("break_even_images", stored / image, n_rows)


def data_itemsize(dataset: Dataset, seed: int) -> int:
    """Bytes of a number of the training rows: 256 even levels, half, or single precision."""
    rows, heldout = (torch.from_numpy(dataset.rows(name)) for name in ("train", "heldout"))
    low, high = rows.min(), rows.max()
    levels = ((rows - low) / (high - low) * 255).round() / 255 * (high - low) + low
    limit = UNCHANGED * root_distance(rows, heldout, seed)
    if root_distance(rows, levels, seed) <= limit:
        return 1
    return 2 if root_distance(rows, rows.half().float(), seed) <= limit else 4


def _model_bytes(model: Model, subject: Subject, condition: Condition) -> int:
    """Bytes of the model's numbers: in half precision where its samples stay the same."""
    n, seed = subject.settings.n_timed, subject.seed

    def draw(drawn_from: Any) -> Tensor:
        return drawn_from.draw(n, condition, keyed_generator(seed, "cost")).x

    tensors = model.tensors()
    halved = {k: v.half().to(v.dtype) for k, v in tensors.items()}
    few, rounded = draw(model), draw(model.with_tensors(halved))
    limit = UNCHANGED * root_distance(few, end_of(subject, condition), seed)
    itemsize = 2 if root_distance(few, rounded, seed) <= limit else 4
    return itemsize * sum(v.numel() for v in tensors.values())


def end_of(subject: Subject, condition: Condition) -> Tensor:
    """What few samples are held against: a run of all particles, or real rows."""
    reference = subject.reference(condition)
    if reference is None or condition.time is None:
        return torch.from_numpy(subject.dataset.reference.rows())
    return torch.from_numpy(reference.particles(reference.index(condition.time)))
