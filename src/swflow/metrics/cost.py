"""Cost: seconds and bytes to draw more samples once everything is fitted, and their quality."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from torch import Tensor

from swflow.datasets import Dataset
from swflow.flow import simulate, step_schedule
from swflow.metrics.rows import CARRIED, SHARED
from swflow.models.base import Model, Point, Sampler
from swflow.models.particles import Particles
from swflow.randomness import keyed_generator
from swflow.settings import ScoreSettings, SimulationSettings
from swflow.sliced import evaluation_directions, sliced_wasserstein
from swflow.sources import draw_source, shared_labels
from swflow.trajectory import Trajectory

LONG = 0.5  # seconds after which one measurement is precise enough
UNCHANGED = 0.1  # rounding moves rows by less than this part of the distance to other rows


def cost(
    sampler: Sampler,
    dataset: Dataset,
    reference: Trajectory | None,
    point: Point,
    settings: ScoreSettings,
    seed: int,
) -> Iterator[tuple[str, float, int]]:
    """Yield (metric, value, n): what it takes to draw at `point`, the end of the flow.

    seconds_per_1000: median wall seconds of drawing n_timed samples afresh, scaled to 1,000;
    sw_few: SW of such samples to all particles of the reference run, without one (models of the
    data alone) to the test split; evaluations: of the drift or the network; stored_bytes: what
    must be kept to draw more, at the lowest precision that leaves SW unchanged; break_even_rows:
    how many data rows take as many bytes; simulate_seconds and train_seconds: spent before. The
    flow has three ways: a run of n_timed fresh particles (no prefix), fresh points carried
    through a run of all particles (`carried_`), and the particles of such a run, handed out
    (`shared_`).
    """
    n = settings.n_timed
    if reference is None:
        end = torch.from_numpy(dataset.rows("test"))
    else:
        end = _cloud(reference, point.time)
    bytes_per_row = dataset.dim * _data_itemsize(dataset, seed)
    if isinstance(sampler, Particles):
        store = sampler.stores[point.entropy]
        flow = SimulationSettings.model_validate(store.settings)
        seconds, few = _timed(lambda: run_flow(dataset, flow, n), settings.n_timings)
        yield "simulate_seconds", store.attributes["wall_seconds"], len(store.particles(0))
        n_rows = len(dataset.rows("train"))
        stored = float(bytes_per_row * n_rows)
        if flow.transport == "sketch" and not flow.redraw:
            # Fixed directions and the quantiles along them are all that a new run needs.
            stored = 4 * flow.n_directions * (dataset.dim + flow.n_quantiles)
        yield "stored_bytes", stored, n_rows
        yield "working_set_bytes", float(store.attributes["working_set_bytes"]), flow.n_particles
        yield "evaluations", float(len(step_schedule(flow))), n
        yield from _stored_run(store, point.time, end, seed)
    elif isinstance(sampler, Model):

        def draw(model: Model = sampler) -> Tensor:
            return model.draw(n, point, keyed_generator(seed, "cost")).x

        seconds, few = _timed(draw, settings.n_timings)
        for name in ("simulate_seconds", "train_seconds"):
            yield name, float(sampler.attributes[name]), n
        stored = float(_model_bytes(sampler, few, draw, end, seed))
        yield "stored_bytes", stored, n
        yield "break_even_rows", stored / bytes_per_row, n
        yield "evaluations", float(point.passes), n
    else:
        return
    yield "seconds_per_1000", seconds * 1000 / n, n
    yield "sw_few", _distance(few, end, seed), n


def run_flow(dataset: Dataset, settings: SimulationSettings, n: int) -> Tensor:
    """The flow's end `(n, d)` for n fresh particles: what a network's pass replaces."""
    generator = keyed_generator(0, "cost")
    source = draw_source(settings.source, n, dataset.dim, generator=generator)
    target = torch.from_numpy(dataset.rows("train"))
    only_end = settings.model_copy(update={"times": tuple(settings.stored_times()[-1:])})
    y = dataset.splits["train"].y
    labels: dict[str, Any] = {}
    if settings.labels and y is not None:
        classes = {"source_labels": shared_labels(y, n), "target_labels": y}
        labels = {name: torch.from_numpy(found) for name, found in classes.items()}
    *_, last = simulate(source, target, only_end, generator=generator, **labels)
    return last.particles


def _stored_run(
    store: Trajectory, time: float, end: Tensor, seed: int
) -> Iterator[tuple[str, float, int]]:
    """The two ways in which a run of all particles serves samples, as it was timed.

    end: all particles of the reference run at the end of the flow, `(n, d)`.
    """
    seconds = store.attributes["wall_seconds"]
    cloud = _cloud(store, time)
    generator = keyed_generator(seed, "cost")
    carried = store.carried(store.index(time))
    if carried is not None:
        # Where points go is known only while the particles move: a run for each batch of points.
        n = len(carried)
        yield f"{CARRIED}seconds_per_1000", seconds, n
        yield f"{CARRIED}sw_few", _distance(torch.from_numpy(carried), end, seed), n
    n = min(1000, len(cloud))
    few = cloud[torch.randperm(len(cloud), generator=generator)[:n]]
    yield f"{SHARED}seconds_per_1000", seconds * 1000 / len(cloud), n
    yield f"{SHARED}sw_few", _distance(few, end, seed), n


def _data_itemsize(dataset: Dataset, seed: int) -> int:
    """Bytes of a number of the training rows: 256 even levels, half, or single precision."""
    rows, heldout = (torch.from_numpy(dataset.rows(name)) for name in ("train", "heldout"))
    low, high = rows.min(), rows.max()
    levels = ((rows - low) / (high - low) * 255).round() / 255 * (high - low) + low
    limit = UNCHANGED * _distance(rows, heldout, seed)
    if _distance(rows, levels, seed) <= limit:
        return 1
    return 2 if _distance(rows, rows.half().float(), seed) <= limit else 4


def _model_bytes(
    model: Model, few: Tensor, draw: Callable[[Model], Tensor], end: Tensor, seed: int
) -> int:
    """Bytes of the model's numbers: in half precision where its samples stay the same."""
    tensors = model.tensors()
    halved = {k: v.half().to(v.dtype) for k, v in tensors.items()}
    rounded = draw(type(model).rebuild(model.settings, model.domain, halved))
    limit = UNCHANGED * _distance(few, end, seed)
    itemsize = 2 if _distance(few, rounded, seed) <= limit else 4
    return itemsize * sum(v.numel() for v in tensors.values())


def _cloud(store: Trajectory, time: float) -> Tensor:
    return torch.from_numpy(store.particles(store.index(time)))


def _distance(x: Tensor, y: Tensor, seed: int) -> float:
    directions = evaluation_directions(64, x.shape[1], keyed_generator(seed, "directions"))
    return float(sliced_wasserstein(x, y, directions))


def _timed(draw: Callable[[], Tensor], repeats: int) -> tuple[float, Tensor]:
    """Median seconds after a warm-up, and what was drawn; LONG seconds are measured once."""
    first, drawn = _seconds(draw)
    if first > LONG:
        return first, drawn
    return median(_seconds(draw)[0] for _ in range(repeats)), drawn


def _seconds(draw: Callable[[], Tensor]) -> tuple[float, Tensor]:
    began = time.perf_counter()
    drawn = draw()
    return time.perf_counter() - began, drawn
