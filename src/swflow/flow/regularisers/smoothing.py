"""The target convolved with a Gaussian."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.settings.regularisers import SmoothingSettings
from swflow.sliced.plans.base import Plan


@dataclass(frozen=True)
class Smoothing:
    """Y + width·Z, Z standard normal and fresh at each step.

    Between Gaussians the flow is that to N(m₁, Σ₁ + width²·I).
    """

    settings: SmoothingSettings

    def target(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Rows `(m, d)` with noise."""
        noise = torch.randn(rows.shape, generator=generator, device=rows.device, dtype=rows.dtype)
        return rows + self.settings.width * noise

    def plan(self, plan: Plan) -> Plan:
        """The plan itself."""
        return plan

    def longest_step(self, n: int) -> float:
        """Any step is stable."""
        return math.inf
