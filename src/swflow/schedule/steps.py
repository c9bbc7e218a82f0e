"""When a flow is stored, and which steps lead there."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # settings are checked by this room, and it knows them by their fields alone
    from swflow.settings import IntegrationSettings


@dataclass(frozen=True)
class Step:
    """One step of the integrator, from `time` over `size`; `stored` if it ends on a stored time."""

    time: float
    size: float
    stored: bool


def stored_times(settings: "IntegrationSettings") -> list[float]:
    """The times of the snapshots: 0 first, then increasing to the horizon."""
    if settings.times is not None:
        return [0.0, *(t for t in settings.times if t > 0)]
    assert settings.horizon is not None
    last, count = math.log1p(settings.horizon), settings.n_times - 1
    grid = [math.expm1(last * k / count) for k in range(count)]
    return [*grid, settings.horizon]


def step_size(settings: "IntegrationSettings", time: float) -> float:
    """The largest step allowed at `time`."""
    return min(settings.step.max, settings.step.initial + settings.step.growth * time)


def longest_size(settings: "IntegrationSettings") -> float:
    """The size of the longest step that is taken."""
    return max(step.size for step in step_schedule(settings))


def step_schedule(settings: "IntegrationSettings") -> list[Step]:
    """The steps from time 0 to the horizon, shortened evenly to hit each stored time."""
    steps = []
    for begin, end in pairwise(stored_times(settings)):
        time = begin
        while time < end:
            remaining = end - time
            count = math.ceil(remaining / step_size(settings, time) - 1e-9)
            size = remaining / count if count > 1 else remaining
            steps.append(Step(time, size, stored=count <= 1))
            time = end if count <= 1 else time + size
    return steps
