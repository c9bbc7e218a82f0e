"""Cost: seconds and bytes to draw more samples, once everything is fitted."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch

from swflow.datasets import Dataset
from swflow.flow import simulate, step_schedule
from swflow.models.base import WEIGHTS, Model, Sampler
from swflow.models.particles import Particles
from swflow.randomness import keyed_generator
from swflow.settings import ScoreSettings, SimulationSettings
from swflow.sources import draw_source

LONG = 2.0  # seconds after which one measurement is precise enough


def cost(
    sampler: Sampler, folder: Path, dataset: Dataset, entropy: float, settings: ScoreSettings
) -> Iterator[tuple[str, float, int]]:
    """Yield (metric, value, n): what it takes to draw at the end of the flow.

    seconds_per_1000: median wall seconds of drawing n_timed samples afresh, scaled to 1,000 (for
    the flow: running it with n_timed fresh particles); evaluations: drift or network evaluations
    behind them; stored_bytes: what must be kept to draw more; simulate_seconds and
    train_seconds: spent before.
    """
    n = settings.n_timed
    if isinstance(sampler, Particles):
        store = sampler.stores[entropy]
        flow = SimulationSettings.model_validate(store.settings)
        seconds = _median_seconds(lambda: run_flow(dataset, flow, n), settings.n_timings)
        yield "simulate_seconds", store.attributes["wall_seconds"], len(store.particles(0))
        yield "stored_bytes", float(dataset.rows("train").nbytes), len(dataset.rows("train"))
        yield "evaluations", float(len(step_schedule(flow))), n
    elif isinstance(sampler, Model):
        end = sampler.domain.times[-1]
        generator = keyed_generator(0, "cost")
        seconds = _median_seconds(
            lambda: sampler.draw(n, end, entropy, generator=generator), settings.n_timings
        )
        for name in ("simulate_seconds", "train_seconds"):
            yield name, float(sampler.attributes[name]), n
        yield "stored_bytes", float((folder / WEIGHTS).stat().st_size), n
        yield "evaluations", 1.0, n
    else:
        return
    yield "seconds_per_1000", seconds * 1000 / n, n


def run_flow(dataset: Dataset, settings: SimulationSettings, n: int) -> torch.Tensor:
    """The flow's end `(n, d)` for n fresh particles: what a network's pass replaces."""
    generator = keyed_generator(0, "cost")
    source = draw_source(settings.source, n, dataset.dim, generator=generator)
    target = torch.from_numpy(dataset.rows("train"))
    only_end = settings.model_copy(update={"times": tuple(settings.stored_times()[-1:])})
    *_, last = simulate(source, target, only_end, generator=generator)
    return last.particles


def _median_seconds(draw: Callable[[], object], repeats: int) -> float:
    """Median over repeats after one warm-up; a draw of LONG seconds is measured once."""
    first = _seconds(draw)
    if first > LONG:
        return first
    return median(_seconds(draw) for _ in range(repeats))


def _seconds(draw: Callable[[], object]) -> float:
    began = time.perf_counter()
    draw()
    return time.perf_counter() - began
