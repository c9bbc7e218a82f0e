"""The entropy of the law's projections: they spread without noise."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.flow.regularisers.base import Regulariser
from swflow.settings.regularisers import SlicedEntropySettings
from swflow.sliced.plans.base import Plan, interpolate

BINS, MARGIN = 512, 4.0  # of the grid that densities are on; bandwidths beyond the outermost


@dataclass(frozen=True)
class SlicedEntropy(Regulariser):
    """ε·d·E_θ ∫ρ_θ log ρ_θ in the functional: along each direction −ε·(log ρ_θ)′ beside the plan.

    ρ_θ is the projected particles' law, by a Gaussian kernel of bandwidth b = .9·s·n^(−1/5)
    (Silverman 1986). For isotropic laws N(m, s²I) that is the entropy of the law, −ε∇log ρ, but
    for a factor s²/(s² + b²).
    """

    settings: SlicedEntropySettings

    def plan(self, plan: Plan) -> Plan:
        """The plan, and the spreading of the particles."""
        return Spreading(plan, self.settings.strength)

    def longest_step(self, n: int) -> float:
        """Ripples of wave number k in a law of unit spread decay at the rate ε·k²·e^(−b²k²/2).

        At most 2ε/(e·b²): a step is unstable from twice the inverse on.
        """
        return math.e * bandwidth(n) ** 2 / self.settings.strength


@dataclass(frozen=True)
class Spreading:
    """A plan beside which particles spread by −strength·(log ρ)′ along each line."""

    inner: Plan
    strength: float

    def goals(self, target: Tensor, n: int) -> Tensor:
        """Those of the plan."""
        return self.inner.goals(target, n)

    def displacement(self, x: Tensor, goals: Tensor, tracers: Tensor) -> tuple[Tensor, Tensor]:
        """The plan's, and the spreading."""
        places, scores = line_scores(x)
        spread, spread_tracers = (interpolate(z, places, scores) for z in (x, tracers))
        moved, moved_tracers = self.inner.displacement(x, goals, tracers)
        return moved - self.strength * spread, moved_tracers - self.strength * spread_tracers


def line_scores(x: Tensor) -> tuple[Tensor, Tensor]:
    """(log ρ)′ of the law of each row `(L, n)`: places and values `(L, BINS)`."""
    width = bandwidth(x.shape[1]) * x.std(dim=1, keepdim=True)
    low, high = x.aminmax(dim=1, keepdim=True)
    # Of particles on a point: still many places apart in this arithmetic.
    width = width.maximum((1 + low.abs() + high.abs()) * 1e4 * torch.finfo(x.dtype).eps)
    low, high = low - MARGIN * width, high + MARGIN * width
    spacing = (high - low) / (BINS - 1)
    at = (x - low) / spacing
    left = at.long().clamp(0, BINS - 2)
    part = at - left
    # Each particle is shared out between two places: an error of second order.
    counts = torch.zeros(len(x), BINS, dtype=x.dtype, device=x.device)
    counts.scatter_add_(1, left, 1 - part).scatter_add_(1, left + 1, part)
    # The kernel is a product in frequency; twice the places, so that the ends do not meet.
    frequency = torch.fft.rfftfreq(2 * BINS, device=x.device, dtype=x.dtype) * 2 * math.pi / spacing
    of = torch.fft.rfft(counts, n=2 * BINS) * torch.exp(-(frequency * width).square() / 2)
    density = torch.fft.irfft(of, n=2 * BINS)[:, :BINS]
    slope = torch.fft.irfft(of * 1j * frequency, n=2 * BINS)[:, :BINS]
    # Far from all particles a density is rounding: there the score is that of no law.
    least = torch.finfo(x.dtype).eps * density.amax(dim=1, keepdim=True) * 100
    places = low + spacing * torch.arange(BINS, dtype=x.dtype, device=x.device)
    return places, slope / density.clamp(min=least)


def bandwidth(n: int) -> float:
    """Of n particles, in standard deviations."""
    return 0.9 * n**-0.2
