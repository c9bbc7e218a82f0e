"""Settings of the particle flow."""

import math
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from swflow.settings.base import Count, Positive, Settings
from swflow.settings.covariance import RandomCovariance
from swflow.settings.stability import LARGEST_ERROR, longest_step


class SourceSettings(Settings):
    """The law at time 0: mean + scale·Z, with Z standard Gaussian or uniform of unit variance.

    With a covariance Z is N(0, covariance) instead.
    """

    law: Literal["gaussian", "uniform"] = Field(
        "gaussian", description="N(0, I), or uniform on [-√3, √3]^d."
    )
    mean: float = Field(0.0, description="Mean of every coordinate, in model units.")
    scale: Positive = Field(1.0, description="Standard deviation of every coordinate.")
    covariance: RandomCovariance | None = Field(
        None, description="{smallest, largest, seed}: a random covariance, Gaussian sources only."
    )

    @model_validator(mode="after")
    def _check_covariance(self) -> Self:
        if self.covariance is not None and self.law != "gaussian":
            raise ValueError(f"covariance: a {self.law} source has none; leave it out.")
        return self


class StepSchedule(Settings):
    """Steps min(max, initial + growth·τ): small while the cloud moves fast."""

    initial: Positive = 0.05
    growth: Annotated[float, Field(ge=0)] = 0.08
    max: Positive = 1.0


def _constant_step(value: Any) -> Any:
    if isinstance(value, (int, float, str)):
        return {"initial": value, "growth": 0.0, "max": value}
    return value


def _named_law(value: Any) -> Any:
    return {"law": value} if isinstance(value, str) else value


# In a config file a number stands for a constant step, a name for a standard source.
Step = Annotated[StepSchedule, BeforeValidator(_constant_step)]
Source = Annotated[SourceSettings, BeforeValidator(_named_law)]
Entropy = Annotated[float, Field(ge=0)]
Times = tuple[Annotated[float, Field(ge=0)], ...]


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
    directions: Literal["orthonormal", "independent", "structured"] = Field(
        "orthonormal",
        description="In orthonormal blocks of d; independent; or whole blocks by fast transforms, "
        "for d from about 2,000.",
    )
    redraw: bool = Field(
        True, description="Fresh directions at each step; false (sketch: default): one fixed set."
    )
    transport: Literal["exact", "sketch", "histogram"] = Field(
        "exact",
        description="Along a direction: by sorting; by quantiles (Liutkus et al. 2019, whose fixed "
        "directions and Euler steps are then the default); by counting, without sorting.",
    )
    n_quantiles: Annotated[int, Field(ge=2)] = Field(
        100, description="Quantiles of a sketch, even levels, 0 and 1 included."
    )
    n_bins: Annotated[int, Field(ge=2)] = Field(
        4096, description="Bins of a histogram along each direction."
    )
    target_batch: Count | None = Field(
        None,
        description="Rows of the target drawn afresh at each step, read from the dataset file "
        "(default: all, in memory).",
    )
    twin_steps: Count = Field(
        1,
        description="With entropy: sliced steps of the twin towards the particles after each step "
        "of theirs. In many dimensions one corrects little of its lag.",
    )
    integrator: Literal["splitting", "euler"] = Field(
        "splitting",
        description="Half noise, exact frozen drift, half noise; or Euler (sketch: default).",
    )

    @model_validator(mode="before")
    @classmethod
    def _sketch_as_published(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("transport") == "sketch":
            return {"redraw": False, "integrator": "euler"} | values
        return values

    @model_validator(mode="after")
    def _check_target_batch(self) -> Self:
        if self.target_batch is not None and self.transport == "sketch" and not self.redraw:
            raise ValueError(
                "target_batch with a sketch of fixed directions would keep the quantiles of one "
                "batch: set redraw: true, or leave target_batch out."
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

    def check_step(self, entropy: float) -> None:
        """Refuse steps that are unstable, or too long for an entropy. Raises ValueError."""
        times = self.stored_times()
        longest = max(min(end - begin, self.step_size(end)) for begin, end in pairwise(times))
        allowed = longest_step(entropy, self.integrator)
        if longest > allowed:
            raise ValueError(
                f"steps reach {longest:.3g} in τ: unstable with entropy = {entropy:g} (the "
                f"stationary spread would be off by more than {LARGEST_ERROR:.0%}); the longest "
                f"allowed by {self.integrator} is {allowed:.3g}: lower step.max or the entropy."
            )

    def stored_times(self) -> list[float]:
        """The times of the snapshots: 0 first, then increasing to the horizon."""
        if self.times is not None:
            return [0.0, *(t for t in self.times if t > 0)]
        assert self.horizon is not None
        last, count = math.log1p(self.horizon), self.n_times - 1
        grid = [math.expm1(last * k / count) for k in range(count)]
        return [*grid, self.horizon]

    def step_size(self, time: float) -> float:
        """The largest step allowed at `time`."""
        return min(self.step.max, self.step.initial + self.step.growth * time)


class FlowSettings(IntegrationSettings):
    """How to integrate one particle flow."""

    entropy: Entropy = Field(0.0, description="Strength of regularisation ε = d·λ, dimension-free.")

    @model_validator(mode="after")
    def _check_entropy(self) -> Self:
        self.check_step(self.entropy)
        return self


class PopulationSettings(Settings):
    """The particles at time 0."""

    source: Source = Field(
        SourceSettings(), description="gaussian, uniform, or {law, mean, scale}, in model units."
    )
    quasi: bool = Field(
        False, description="Scrambled Sobol points of the source instead of independent ones."
    )
    n_particles: Annotated[int, Field(ge=2)] = 16384
    n_carried: Annotated[int, Field(ge=0)] = Field(
        1000,
        description="Points carried along, the same for every seed, to compare runs by.",
    )
    labels: bool = Field(False, description="Flow class by class to the target's labels.")
    stop_factor: Annotated[float, Field(ge=1)] | None = Field(
        None,
        description="End at the first stored time whose distance to held-out rows is within this "
        "factor of its floor (only without entropy; default: run to the horizon).",
    )


class SimulationSettings(PopulationSettings, FlowSettings):
    """All that a stored simulation depends on, beside dataset and seed."""

    @model_validator(mode="after")
    def _check_population(self) -> Self:
        if self.stop_factor is not None and self.entropy > 0:
            raise ValueError(
                f"stop_factor with entropy = {self.entropy:g}: a regularised flow does not come to "
                "its data; leave one of them out."
            )
        if self.labels and self.target_batch is not None:
            raise ValueError("labels and target_batch exclude each other: leave one of them out.")
        return self


class FlowFamily(PopulationSettings, IntegrationSettings):
    """A flow preset: one simulation for each entropy and seed."""

    entropies: Annotated[tuple[Entropy, ...], Field(min_length=1)] = (0.0,)

    @model_validator(mode="after")
    def _check_entropies(self) -> Self:
        if len(set(self.entropies)) < len(self.entropies):
            raise ValueError(f"entropies = {list(self.entropies)}: each may appear once.")
        self.check_step(max(self.entropies))
        self.at(max(self.entropies))
        return self

    def at(self, entropy: float) -> SimulationSettings:
        """The simulation of this family at one entropy."""
        shared = self.model_dump(exclude={"entropies"})
        return SimulationSettings(entropy=entropy, **shared)
