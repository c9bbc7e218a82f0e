"""Settings of the particle flow."""

import math
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from swflow.schedule.stability import check_steps
from swflow.settings.base import Count, Positive, Settings, check_once
from swflow.settings.kinds import gathered
from swflow.settings.known import AnyKnown
from swflow.settings.regularisers import AnyRegulariser
from swflow.settings.slicing import AnyDirections, AnyPlan, ExactSettings, OrthonormalSettings
from swflow.settings.sources import Source, SourceSettings


class StepSchedule(Settings):
    """Steps min(max, initial + growth·τ): small while the cloud moves fast."""

    initial: Positive = Field(0.05, description="At time 0.")
    growth: Annotated[float, Field(ge=0)] = Field(0.08, description="Added for each unit of τ.")
    max: Positive = Field(1.0, description="Longest step.")


def _constant_step(value: Any) -> Any:
    if isinstance(value, (int, float, str)):
        return {"initial": value, "growth": 0.0, "max": value}
    return value


# In a config file a number stands for a constant step.
Step = Annotated[StepSchedule, BeforeValidator(_constant_step)]
Entropy = Annotated[float, Field(ge=0)]
Times = tuple[Annotated[float, Field(ge=0)], ...]
MOST_STEPS = 10_000_000


class IntegrationSettings(Settings):
    """Times, steps and directions. Give `times`, or `horizon` and `n_times`."""

    times: Times | None = Field(
        None, description="Stored times τ = t/d, increasing; 0 is always stored first."
    )
    horizon: Positive | None = Field(None, description="Last stored time τ.")
    n_times: Annotated[int, Field(ge=2)] = Field(
        16, description="Stored times, 0 and the horizon included, even in log(1 + τ)."
    )
    step: Step = Field(
        StepSchedule(), description="Step in τ: a number, or a schedule {initial, growth, max}."
    )
    n_directions: Count = Field(128, description="Directions of a step; best a multiple of d.")
    directions: AnyDirections = Field(
        OrthonormalSettings(),
        description="orthonormal, independent, structured, local or convolutional.",
    )
    redraw: bool = Field(
        True, description="Fresh directions at each step; false (sketch: default): one fixed set."
    )
    transport: AnyPlan = Field(
        ExactSettings(),
        description="Along a direction: exact, by sorting; sketch, by n_quantiles (Liutkus et al. "
        "2019, whose fixed directions and Euler steps are then the default); histogram, by "
        "counting in n_bins, without sorting; entropic, partial or unbalanced, as regularisers.",
    )
    target_batch: Count | None = Field(
        None,
        description="Rows of the target drawn afresh at each step, read from the dataset file "
        "(default: all, in memory). Class by class: of all classes together, in their shares.",
    )
    twin: Literal["with_entropy", "always"] = Field(
        "with_entropy",
        description="Whether particles without noise have a twin, too: over long horizons they "
        "diffuse among each other, which no network can follow.",
    )
    twin_steps: Count = Field(
        1,
        description="Sliced steps of the twin towards the particles after each step "
        "of theirs. In many dimensions one corrects little of its lag.",
    )
    twin_scatter: Positive | None = Field(
        None,
        description="The twin takes the part min(1, √(scatter·h/τ)) of these steps, whose squares "
        "add up to the same in each unit of log time: it hardly diffuses over long horizons; 16 "
        "to 50 lag little (default: whole steps).",
    )
    integrator: Literal["splitting", "euler"] = Field(
        "splitting",
        description="Half noise, exact frozen drift, half noise; or Euler (sketch: default).",
    )
    regularisers: tuple[AnyRegulariser, ...] = Field(
        (), description="What regularises beside the entropy: {kind: smoothing, width: 0.1}."
    )

    @model_validator(mode="before")
    @classmethod
    def _kinds_by_name(cls, values: Any) -> Any:
        """In a config file a name stands for a kind, with its own fields beside it."""
        if not isinstance(values, dict):
            return values
        plan = values.get("transport")
        if plan == "sketch" or (isinstance(plan, dict) and plan.get("kind") == "sketch"):
            values = {"redraw": False, "integrator": "euler"} | values  # as published
        values = gathered(values, "transport", AnyPlan)
        return gathered(values, "directions", AnyDirections)

    @model_validator(mode="after")
    def _check_number_of_steps(self) -> Self:
        last, step = self.horizon or max(self.times or (0.0,)), self.step
        shortest = min(step.max, step.initial)
        # Steps that grow by a part of the time grow exponentially.
        grown = math.log1p(step.growth * last / shortest) / step.growth if step.growth else math.inf
        if min(last / shortest, grown + last / step.max) > MOST_STEPS:
            raise ValueError(
                f"step = {step.initial:g} to τ = {last:g} is more than {MOST_STEPS:,} steps: take "
                "longer ones."
            )
        return self

    @model_validator(mode="after")
    def _check_target_batch(self) -> Self:
        if self.target_batch is not None and self.transport.condensed and not self.redraw:
            raise ValueError(
                "target_batch with a sketch of fixed directions would keep the quantiles of one "
                "batch: set redraw: true, or leave target_batch out."
            )
        return self

    @model_validator(mode="after")
    def _check_noise(self) -> Self:
        noisy = any(part.noisy_target for part in self.regularisers)
        if noisy and self.transport.condensed and not self.redraw:
            raise ValueError(
                "smoothing with a sketch of fixed directions would keep the noise of one draw: set "
                "redraw: true, or leave smoothing out."
            )
        return self

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if (self.times is None) == (self.horizon is None):
            raise ValueError("give either times (a list) or horizon (a number).")
        if self.times is not None:
            backwards = any(b <= a for a, b in pairwise(self.times))
            if not self.times or self.times[-1] <= 0 or backwards:
                raise ValueError(
                    f"times = {list(self.times)}: must increase strictly and end above 0."
                )
        return self

    @property
    def strengths(self) -> dict[str, float]:
        """What regularises beside the entropy, as tables call it, and the parameter of each."""
        found: dict[str, float] = {}
        for part in (self.transport, *self.regularisers):
            found |= part.strengths
        return found


class FlowSettings(IntegrationSettings):
    """How to integrate one particle flow."""

    entropy: Entropy = Field(0.0, description="Strength of regularisation ε = d·λ, dimension-free.")

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        check_steps(self, self.entropy)
        return self


class PopulationSettings(Settings):
    """The particles at time 0."""

    source: Source = Field(
        SourceSettings(), description="gaussian, uniform, or {law, mean, scale}, in model units."
    )
    quasi: bool = Field(
        False, description="Scrambled Sobol points of the source instead of independent ones."
    )
    n_particles: Annotated[int, Field(ge=2)] = Field(16384, description="Particles of a run.")
    n_tracers: Annotated[int, Field(ge=0)] = Field(
        1000,
        description="Massless points that ride along, the same for every seed, to compare runs by.",
    )
    labels: bool = Field(False, description="Flow class by class to the target's labels.")
    known: AnyKnown | None = Field(
        None,
        description="Pixels that are held, those of training rows, while the others are completed: "
        "{kind: half, side: left}, or {kind: surroundings, box: [top, left, height, width]}. With "
        "labels the flow goes class by class, and networks see the class in known pixels alone.",
    )


class SimulationSettings(PopulationSettings, FlowSettings):
    """All that a stored simulation depends on, beside dataset and seed."""


class FlowFamily(PopulationSettings, IntegrationSettings):
    """A flow preset: one simulation for each entropy and seed."""

    entropies: Annotated[tuple[Entropy, ...], Field(min_length=1)] = Field(
        (0.0,), description="Strengths of regularisation ε = d·λ, dimension-free: a run for each."
    )

    @model_validator(mode="after")
    def _check_entropies(self) -> Self:
        check_once("entropies", self.entropies)
        if long := [e for e in self.entropies if float(f"{e:g}") != e]:
            raise ValueError(
                f"entropies = {long}: give at most six digits, which folders are named by."
            )
        check_steps(self, max(self.entropies))
        return self

    def at(self, entropy: float) -> SimulationSettings:
        """The simulation of this family at one entropy."""
        shared = self.model_dump(exclude={"entropies"})
        return SimulationSettings(entropy=entropy, **shared)
