"""How long a step may be: what the integrators do to isotropic Gaussians, in closed form.

Units of the package: time τ = t/d, entropy ε = d·λ, target spread 1.
"""

import math
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from swflow.runtime.errors import InputError
from swflow.schedule.steps import longest_size, step_size, stored_times

if TYPE_CHECKING:
    from swflow.settings import IntegrationSettings

LARGEST_ERROR = 0.05  # of the stationary spread


def check_steps(settings: "IntegrationSettings", entropy: float) -> None:
    """Raise InputError where steps are unstable, or too long for an entropy."""
    longest = max(
        min(end - begin, step_size(settings, end))
        for begin, end in pairwise(stored_times(settings))
    )
    allowed = longest_step(entropy, settings.integrator)
    if longest > allowed:
        raise InputError(
            f"steps reach {longest:.3g} in τ: unstable with entropy = {entropy:g} (the "
            f"stationary spread would be off by more than {LARGEST_ERROR:.0%}); the longest "
            f"allowed by {settings.integrator} is {allowed:.3g}: lower step.max or the entropy."
        )


def check_directions(settings: "IntegrationSettings", dim: int) -> None:
    """Warn where the mean of θθᵀ is not I/dim; raise InputError where that makes steps unstable.

    Between the two the means of the particles are noisy, but do not diverge.
    """
    n, kind = settings.n_directions, settings.directions
    if kind.in_blocks and n % dim:
        raise InputError(
            f"n_directions = {n}: {kind.kind} directions come in blocks of the dimension; use a "
            f"multiple of {dim}."
        )
    if n % dim == 0 and kind.uncorrelated:
        return
    longest = longest_size(settings)
    allowed = longest_stable_step(n, dim, kind.uncorrelated, settings.integrator)
    if longest >= allowed:
        raise InputError(
            f"n_directions={n} in dimension {dim} is unstable with steps of "
            f"{longest:.3g} in τ, {allowed:.3g} and longer: use a multiple of {dim} orthonormal "
            "ones, or lower step.max."
        )
    if kind.uncorrelated:
        warnings.warn(
            f"n_directions={n} is not a multiple of dimension {dim}: the mean "
            f"of θθᵀ is not I/{dim}, which adds noise to every step. Use a multiple of {dim}.",
            stacklevel=3,
        )


def stationary_spread(entropy: float, step: float = 0.0, integrator: str = "splitting") -> float:
    """Standard deviation at which steps of one size leave an isotropic Gaussian.

    step 0 is the flow itself: s* = (1 + √(1 + 4ε))/2. Infinite where the iteration diverges
    (Euler from step 2 on).
    """
    if step == 0:
        return (1 + math.sqrt(1 + 4 * entropy)) / 2
    if integrator == "euler":
        if step >= 2:
            return math.inf
        # (2 − h)s² − 2(1 − h)s − (h + 2ε) = 0
        keep = 1 - step
        root = math.sqrt(keep**2 + (2 - step) * (step + 2 * entropy))
        return (keep + root) / (2 - step)
    # After the first half of the noise, y² = (by + 1 − b)² + 2εh with b = exp(−h).
    keep = math.exp(-step)
    rest = 1 - keep + 2 * entropy * step / (1 - keep)
    noisy = (keep + math.sqrt(keep**2 + (1 + keep) * rest)) / (1 + keep)
    return math.sqrt(noisy**2 - entropy * step)


def longest_step(entropy: float, integrator: str) -> float:
    """The longest step whose stationary spread is off by at most LARGEST_ERROR.

    Infinite for the splitting step without entropy, which is exact.
    """
    exact = stationary_spread(entropy)

    def allowed(step: float) -> bool:
        return abs(stationary_spread(entropy, step, integrator) / exact - 1) <= LARGEST_ERROR

    return math.inf if allowed(100.0) else _largest(allowed, 100.0)


def growth_of_mean(share: float, n_directions: int, dim: int, orthonormal: bool) -> float:
    """Factor of the mean-square error of the mean in one step; unstable from 1 on.

    share: the part of the drift that a step takes, h or 1 − exp(−h). Directions whose mean of
    θθᵀ is not I/d multiply the error by noise.
    """
    if not orthonormal:
        second = dim / n_directions + 1 - 1 / n_directions
        return 1 - 2 * share + share**2 * second
    whole, left = divmod(n_directions, dim)
    alpha = share * dim / n_directions
    keep = 1 - alpha * whole
    return keep**2 - 2 * keep * alpha * left / dim + alpha**2 * left / dim


def longest_stable_step(n_directions: int, dim: int, orthonormal: bool, integrator: str) -> float:
    """The step from which on the mean of the particles diverges; infinite where none does."""

    def stable(share: float) -> bool:
        return growth_of_mean(share, n_directions, dim, orthonormal) < 1

    if integrator != "euler" and stable(1.0):
        return math.inf
    share = _largest(stable, 2.0)
    return share if integrator == "euler" else -math.log1p(-share)


def _largest(allowed: Callable[[float], bool], high: float) -> float:
    """The largest number below `high` up to which all are allowed, by bisection."""
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return low
