"""What a regulariser may change in a step of the flow."""

import math

import torch
from torch import Tensor

from swflow.runtime.errors import InputError
from swflow.schedule.steps import longest_size
from swflow.settings import FlowSettings, implementation
from swflow.sliced.plans.base import Plan


class Regulariser:
    """A change of what particles flow to, or of how: each kind changes some of what follows.

    Their own noise is in the integrator.
    """

    def target(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """The rows `(m, d)` that a step flows to, made of those of the target, in its shape."""
        return rows

    def plan(self, plan: Plan) -> Plan:
        """The plan along each direction, made of the one without it."""
        return plan

    def longest_step(self, n: int) -> float:
        """The longest step in τ under which n particles stay stable; infinite where any is."""
        return math.inf


def regularisers_of(settings: FlowSettings) -> list[Regulariser]:
    """Those of a flow, in order."""
    return [implementation(kind)(kind) for kind in settings.regularisers]


def check_regularisers(settings: FlowSettings, n: int) -> None:
    """Raise InputError where steps are too long for one of them and n particles."""
    longest = longest_size(settings)
    for kind, regulariser in zip(settings.regularisers, regularisers_of(settings), strict=True):
        if longest > (allowed := regulariser.longest_step(n)):
            raise InputError(
                f"steps reach {longest:.3g} in τ: unstable with {kind.kind} and {n} particles; the "
                f"longest allowed is {allowed:.3g}: lower step.max or its strength."
            )
