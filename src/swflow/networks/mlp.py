"""A multilayer perceptron modulated by conditions such as time."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from swflow.settings import NetworkSettings


class ConditionedMLP(nn.Module):
    """u(x, c): hidden layers scaled and shifted by features of the conditions c in [0, 1].

    The modulation is that of Perez et al. 2018 (FiLM). The first `n_clocks` conditions are times.
    """

    def __init__(
        self,
        settings: NetworkSettings,
        event_shape: tuple[int, ...],
        n_conditions: int,
        n_clocks: int = 1,
    ) -> None:
        super().__init__()
        self.n_clocks = n_clocks
        dim, width, depth = math.prod(event_shape), settings.width, settings.depth
        n_features = n_conditions + 2 * n_clocks
        sizes = [dim] + [width] * depth
        self.layers = nn.ModuleList(nn.Linear(*shape) for shape in pairwise(sizes))
        self.modulations = nn.ModuleList(nn.Linear(n_features, 2 * width) for _ in range(depth))
        self.out = nn.Linear(width, dim)

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        """x: `(n, dim)`; conditions: `(n, n_conditions)`, or one row for all. Gives `(n, dim)`."""
        features = clock_features(conditions, self.n_clocks)
        hidden = x
        for index, (layer, modulation) in enumerate(
            zip(self.layers, self.modulations, strict=True)
        ):
            scale, shift = modulation(features).chunk(2, dim=-1)
            update = nn.functional.silu(layer(hidden) * (1 + scale) + shift)
            hidden = update if index == 0 else hidden + update
        out: Tensor = self.out(hidden)
        return out


def clock_features(conditions: Tensor, n_clocks: int = 1) -> Tensor:
    """`(n, k)` -> `(n, k + 2·n_clocks)`: the conditions, and cos πc and sin πc of the clocks.

    One frequency: with four the network oscillates between the times that it learned from.
    """
    angles = math.pi * conditions[:, :n_clocks]
    return torch.cat([conditions, angles.cos(), angles.sin()], dim=1)
