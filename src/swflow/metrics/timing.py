"""Seconds of drawing 1,000 samples, and how good so few are: for a job that is alone.

Not a group of scores: what is measured in seconds is a product of its own.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median

import torch
from torch import Tensor

from swflow.flow.run import run_fresh
from swflow.flow.trajectory import Trajectory
from swflow.metrics.cost import end_of
from swflow.metrics.distance import root_distance
from swflow.metrics.names import CARRIED, SHARED
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.sampler import Model, Sampler
from swflow.models.spec import Condition
from swflow.randomness import keyed_generator

SETTINGS = ("n_timed", "n_timings")
LONG = 0.5  # seconds after which one measurement is precise enough


def measure(subject: Subject, conditions: Sequence[Condition]) -> Iterator[Row]:
    """Of a run or of what was fitted, under conditions at the end of the flow.

    seconds_per_1000: median wall seconds of drawing n_timed samples afresh, in data units (latents:
    decoded), scaled to 1,000;
    sw_few: SW of such samples to all particles of the reference run, without one (models of the
    data alone) to the test split; simulate_seconds and train_seconds: spent before. The
    flow has three ways: a run of n_timed fresh particles (no prefix), fresh points carried
    through a run of all particles (`carried_`), and the particles of such a run, handed out
    (`shared_`).
    """
    for condition in conditions:
        yield from subject.rows(condition, of_condition(subject, condition))


def of_condition(subject: Subject, condition: Condition) -> Iterator[Measure]:
    """The measures under one condition; none of real rows."""
    sampler, settings, seed = subject.sampler, subject.settings, subject.seed
    n, run = settings.n_timed, sampler.run(condition)
    if run is None and not isinstance(sampler, Model):
        return
    end = end_of(subject, condition)
    if run is not None:
        yield Measure("simulate_seconds", run.attributes["wall_seconds"], run.shape[0])
        yield from _of_stored_run(run, condition, end, seed)
        draw = partial(_run_fresh, subject, run, n)
    else:
        assert isinstance(sampler, Model)
        for name in ("simulate_seconds", "train_seconds"):
            yield Measure(name, float(sampler.attributes[name]), n)
        draw = partial(_draw, sampler, n, condition, seed)
    seconds, few = timed(draw, settings.n_timings)
    yield Measure("seconds_per_1000", seconds * 1000 / n, n)
    yield Measure("sw_few", root_distance(few, end, seed), n)


def _run_fresh(subject: Subject, run: Trajectory, n: int) -> Tensor:
    generator = keyed_generator(0, "cost", device=subject.sampler.device)
    x = run_fresh(subject.dataset, run.settings, n, generator)
    subject.sampler.to_data(x)
    return x


def _draw(sampler: Sampler, n: int, condition: Condition, seed: int) -> Tensor:
    x = sampler.draw(n, condition, keyed_generator(seed, "cost")).x
    sampler.to_data(x)
    return x


def _of_stored_run(
    run: Trajectory, condition: Condition, end: Tensor, seed: int
) -> Iterator[Measure]:
    """The two ways in which a run of all particles serves samples, as it was timed.

    end: all particles of the reference run at the end of the flow, `(n, d)`.
    """
    assert condition.time is not None
    seconds, index = run.attributes["wall_seconds"], run.index(condition.time)
    cloud = torch.from_numpy(run.particles(index))
    generator = keyed_generator(seed, "cost")
    tracers = run.tracers(index)
    if tracers is not None:
        # Where points go is known only while the particles move: a run for each batch of points.
        n = len(tracers)
        yield Measure(f"{CARRIED}seconds_per_1000", seconds, n)
        yield Measure(f"{CARRIED}sw_few", root_distance(torch.from_numpy(tracers), end, seed), n)
    n = min(1000, len(cloud))
    few = cloud[torch.randperm(len(cloud), generator=generator)[:n]]
    yield Measure(f"{SHARED}seconds_per_1000", seconds * 1000 / len(cloud), n)
    yield Measure(f"{SHARED}sw_few", root_distance(few, end, seed), n)


def timed(draw: Callable[[], Tensor], repeats: int) -> tuple[float, Tensor]:
    """Median seconds after a warm-up, and what was drawn; LONG seconds are measured once."""
    first, drawn = _seconds(draw)
    if first > LONG:
        return first, drawn
    return median(_seconds(draw)[0] for _ in range(repeats)), drawn


def _seconds(draw: Callable[[], Tensor]) -> tuple[float, Tensor]:
    began = time.perf_counter()
    drawn = draw()
    return time.perf_counter() - began, drawn
