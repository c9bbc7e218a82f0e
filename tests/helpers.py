"""What several tests of the flow need: seeded clouds, and a flow run to its end."""

import torch

from swflow import FlowSettings, Snapshot, simulate


def normal(n: int, dim: int, seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Draw `(n, dim)` standard normal numbers."""
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def run(
    source: torch.Tensor, target: torch.Tensor, seed: int = 1, **settings: object
) -> list[Snapshot]:
    """Every stored time of a flow."""
    generator = torch.Generator().manual_seed(seed)
    return list(simulate(source, target, FlowSettings(**settings), generator=generator))
