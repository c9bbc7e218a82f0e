"""Input-convex networks: scalar functions that are convex in their input, exactly."""

import math

import torch
from torch import Tensor, nn

SLOPE = 0.2


class ConvexNetwork(nn.Module):
    """f(x) = w·z_L + a·x + ½|Bx|², z₁ = ρ(A₁x + b₁)², z_(k+1) = σ(W_k z_k + A_(k+1)x + b_(k+1)).

    Amos et al. 2017 with the activations of Makkuva et al. 2020: ρ the leaky rectifier (its square
    is convex), σ a smooth one, convex and increasing. Convex because W_k ≥ 0 and w ≥ 0, which
    `project` restores after a step of the optimiser. ∇f begins near the identity: B, there if
    `quadratic`, as I; without it the units of the first layer as pairs ±a whose squares add up to
    about ½|x|².
    """

    def __init__(self, dim: int, width: int, depth: int, quadratic: bool) -> None:
        super().__init__()
        self.first = nn.Linear(dim, width)
        self.skips = nn.ModuleList(nn.Linear(dim, width) for _ in range(depth - 1))
        self.positive = nn.ParameterList(
            # A layer passes the mean of the one below.
            nn.Parameter(torch.full((above, width), 1 / width))
            for above in [width] * (depth - 1) + [1]
        )
        self.linear = nn.Linear(dim, 1, bias=False)
        nn.init.zeros_(self.linear.weight)
        self.root = nn.Parameter(torch.eye(dim)) if quadratic else None
        if not quadratic:
            self._pair_units()

    @torch.no_grad()
    def _pair_units(self) -> None:
        width, dim = self.first.weight.shape
        half = nn.init.orthogonal_(torch.empty(width // 2, dim))
        scale = math.sqrt(width / 2 / (1 + SLOPE**2))
        self.first.weight[: 2 * len(half)] = scale * torch.cat([half, -half])
        nn.init.zeros_(self.first.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Values `(n,)` at points `(n, d)`."""
        hidden = nn.functional.leaky_relu(self.first(x), SLOPE).square()
        for weight, skip in zip(self.positive, self.skips, strict=False):
            hidden = nn.functional.celu(hidden @ weight.T + skip(x))
        value = (hidden @ self.positive[-1].T + self.linear(x))[:, 0]
        if self.root is not None:
            value = value + (x @ self.root.T).square().sum(dim=1) / 2
        return value

    def gradient(self, x: Tensor, create_graph: bool = False) -> Tensor:
        """∇f `(n, d)`: a monotone map, the optimal one between the laws that it joins (Brenier)."""
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self(x).sum(), x, create_graph=create_graph)
        return gradient

    @torch.no_grad()
    def project(self) -> None:
        """Move weights that must not be negative back to 0."""
        for weight in self.positive:
            weight.clamp_(min=0)

    def is_convex(self) -> bool:
        """Whether all weights allow it."""
        return all(bool((weight >= 0).all()) for weight in self.positive)
