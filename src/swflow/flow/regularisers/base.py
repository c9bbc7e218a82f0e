"""What a regulariser may change in a step of the flow."""

from typing import Protocol

import torch
from torch import Tensor


class Regulariser(Protocol):
    """A change of what particles flow to; their own noise is the entropy's, in the integrator."""

    def target(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """The rows `(m, d)` that a step flows to, made of those of the target, in its shape."""
