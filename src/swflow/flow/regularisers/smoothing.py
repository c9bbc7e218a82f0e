"""The target convolved with a Gaussian."""

from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.flow.regularisers.base import Regulariser
from swflow.settings.regularisers import SmoothingSettings


@dataclass(frozen=True)
class Smoothing(Regulariser):
    """Y + width·Z, Z standard normal and fresh at each step.

    Between Gaussians the flow is that to N(m₁, Σ₁ + width²·I).
    """

    settings: SmoothingSettings

    def target(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Rows `(m, d)` with noise."""
        noise = torch.randn(rows.shape, generator=generator, device=rows.device, dtype=rows.dtype)
        return rows + self.settings.width * noise
