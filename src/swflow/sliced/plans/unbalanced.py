"""The unbalanced plan: mass that would have to travel far is given up, at a price."""

import torch
from torch import Tensor

from swflow.settings.slicing import UnbalancedSettings
from swflow.sliced.plans.parts import PartsPlan

BISECTIONS = 10


class Unbalanced(PartsPlan):
    """The plan π that is least in E_π ½|x − y|² + ρ·KL(π₁ | μ) + ρ·KL(π₂ | ν), ρ the price.

    Particles keep their mass: one is displaced to its mean partner by the part π₁/μ of the way,
    which is −n·∇ of what is least. By Frank-Wolfe steps of the dual problem, each a monotone plan
    between reweighted laws (Séjourné, Vialard & Peyré 2022, Faster unbalanced optimal transport),
    as far as the dual grows: with steps of 2/(2 + k) parts that are where they belong would move.
    """

    settings: UnbalancedSettings

    def moves(self, x: Tensor, y: Tensor) -> Tensor:
        """Of each part, by the share of its mass that travels."""
        price = self.settings.price
        f, g = torch.zeros_like(x), torch.zeros_like(y)
        for _ in range(self.settings.n_iterations):
            a, b = reweighted(f, g, price)
            best_f, best_g = dual_potentials(x, y, a, b)
            size = best_step(f, g, best_f - f, best_g - g, price)
            f, g = f + size * (best_f - f), g + size * (best_g - g)
        a, b = reweighted(f, g, price)
        return a * (mean_partners(y, a, b) - x)


def reweighted(f: Tensor, g: Tensor, price: float) -> tuple[Tensor, Tensor]:
    """The shares e^(−f/ρ), e^(−g/ρ) of each part's mass, shifted to equal sums: `(L, Q)` each."""
    first, second = (-of / price for of in (f, g))
    shift = (first.logsumexp(dim=1, keepdim=True) - second.logsumexp(dim=1, keepdim=True)) / 2
    return (first - shift).exp(), (second + shift).exp()


def best_step(f: Tensor, g: Tensor, along_f: Tensor, along_g: Tensor, price: float) -> Tensor:
    """How far in [0, 1] the dual grows along a direction of potentials `(L, Q)`: `(L, 1)`.

    That is where log Σ e^(−f/ρ) + log Σ e^(−g/ρ), which is convex, is least: by bisection.
    """
    size = torch.full_like(f[:, :1], 0.5)
    for k in range(BISECTIONS):
        first, second = (
            ((-(of + size * along) / price).softmax(dim=1) * along).sum(dim=1, keepdim=True)
            for of, along in ((f, along_f), (g, along_g))
        )
        size = size + torch.sign(first + second) * 0.5 ** (k + 2)
    return size


def dual_potentials(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Those of the monotone plan between masses a at x and b at y, for the cost ½|x − y|².

    All `(L, Q)`, x and y increasing. Along the plan's staircase f + g is the cost: where it leaves
    xᵢ for the next at yⱼ, f grows by the difference of their costs to yⱼ, and so does g.
    """
    above, beyond = (of.cumsum(dim=1) for of in (a, b))
    last = x.shape[1] - 1
    meets = torch.searchsorted(beyond, above[:, :-1].contiguous()).clamp(max=last)
    met_by = torch.searchsorted(above, beyond[:, :-1].contiguous(), right=True).clamp(max=last)
    f = x.square().diff(dim=1) / 2 - y.gather(1, meets) * x.diff(dim=1)
    g = y.square().diff(dim=1) / 2 - x.gather(1, met_by) * y.diff(dim=1)
    start = (x[:, :1] - y[:, :1]).square() / 2
    f, g = (torch.nn.functional.pad(of.cumsum(dim=1), (1, 0)) for of in (f, g))
    return f, g + start


def mean_partners(y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The mean of y under the monotone plan between masses a and b, for each part of a `(L, Q)`."""
    ends, beyond = a.cumsum(dim=1), b.cumsum(dim=1)
    place = torch.searchsorted(beyond, ends.contiguous()).clamp(max=y.shape[1] - 1)
    before, moment = (
        torch.nn.functional.pad(of[:, :-1], (1, 0)) for of in (beyond, (b * y).cumsum(dim=1))
    )
    integral = moment.gather(1, place) + (ends - before.gather(1, place)) * y.gather(1, place)
    return torch.nn.functional.pad(integral, (1, 0)).diff(dim=1) / a
