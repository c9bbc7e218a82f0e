"""The entropic plan: transport along a line that is blurred at a temperature."""

import torch
from torch import Tensor

from swflow.settings.slicing import EntropicSettings
from swflow.sliced.plans.parts import PartsPlan


class Entropic(PartsPlan):
    """Each particle to its mean partner under the plan π that is least in E ½|x − y|² + γ·KL.

    KL is that to independence, γ the temperature; π comes from Sinkhorn's iterations, which begin
    at the potentials of the monotone map (Peyré & Cuturi 2019, Computational optimal transport,
    chapter 4). Between N(m, s²) and N(m₁, s₁²) the map has the slope c/s²,
    c = −γ/2 + √(γ²/4 + s²s₁²): a flow comes to rest at s² = s₁² − γ. Debiased, the displacement is
    T_μν − T_μμ, that of the Sinkhorn divergence (Feydy et al. 2019, Interpolating between optimal
    transport and MMD using Sinkhorn divergences), and it rests at s₁.
    """

    settings: EntropicSettings

    def moves(self, x: Tensor, y: Tensor) -> Tensor:
        """To the mean partner, from the own place or (debiased) the mean partner in x's own law."""
        return self._partners(x, y) - (self._partners(x, x) if self.settings.debiased else x)

    def _partners(self, x: Tensor, y: Tensor) -> Tensor:
        """E[y | x] under the plan: `(L, Q)`."""
        gamma = self.settings.temperature
        cost = (x[:, :, None] - y[:, None, :]).square() / (2 * gamma)
        g = monotone_potential(x, y) / gamma
        for _ in range(self.settings.n_iterations):
            f = -torch.logsumexp(g[:, None, :] - cost, dim=2)
            g = -torch.logsumexp(f[:, :, None] - cost, dim=1)
        weights = torch.softmax(g[:, None, :] - cost, dim=2)
        return (weights * y[:, None, :]).sum(dim=2)


def monotone_potential(x: Tensor, y: Tensor) -> Tensor:
    """The potential g of y for the cost ½|x − y|² where the plan joins xᵢ and yᵢ: `(L, Q)`.

    ½y² − g is convex, and its slope the map from y to x.
    """
    steps = y.square().diff(dim=1) / 2 - (x[:, 1:] + x[:, :-1]) / 2 * y.diff(dim=1)
    return torch.nn.functional.pad(steps.cumsum(dim=1), (1, 0))
