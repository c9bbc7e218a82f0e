"""The drift of the particle flow: the average velocity of transports along directions."""

import torch
from torch import Tensor

from swflow.sliced.directions.base import Directions, check_clouds
from swflow.sliced.directions.dense import as_directions
from swflow.sliced.plans.base import Plan
from swflow.sliced.plans.exact import Exact

EXACT = Exact()


def sliced_velocity(x: Tensor, target: Tensor, directions: Tensor | Directions) -> Tensor:
    """The drift d·mean_l[(T_l(θ_l·x) − θ_l·x) θ_l] = −n·d·∇ ½SW₂²(x, target).

    T_l is the monotone map along θ_l. For unequal sizes the particle of rank i goes to
    n∫F⁻¹ over [i/n, (i+1)/n], F⁻¹ the target's quantile function (Liutkus et al. 2019, eq. 12,
    in the time units τ = t/d).

    x: `(n, d)`; target: `(m, d)`; directions: `(L, d)` unit vectors. Returns: `(n, d)`.
    Raises ValueError on shapes that do not match or empty clouds.
    """
    return drift(x, target, as_directions(directions), x[:0], plan=EXACT)[0]


def drift(
    x: Tensor,
    target: Tensor | None,
    directions: Directions,
    tracers: Tensor,
    *,
    plan: Plan,
    goals: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`sliced_velocity` of x by any plan, and the same field at massless points.

    tracers: `(k, d)`; goals: what the plan keeps of the target along these directions
    (`target_goals`), to be used instead of it. Returns: `(n, d)`, `(k, d)`.
    """
    check_clouds(x, x if target is None else target, directions)
    total, total_tracers = torch.zeros_like(x), torch.zeros_like(tracers)
    begin = 0
    for block in directions.blocks(len(x) + (0 if target is None else len(target))):
        if goals is not None:
            aims = goals[begin : begin + len(block)]
        else:
            assert target is not None
            aims = plan.goals(block.project(target), len(x))
        moved, moved_tracers = plan.displacement(block.project(x), aims, block.project(tracers))
        block.add_back(total, moved)
        if len(tracers):
            block.add_back(total_tracers, moved_tracers)
        begin += len(block)
    scale = x.shape[1] / len(directions)
    return total.mul_(scale), total_tracers.mul_(scale)


def target_goals(target: Tensor, directions: Directions, n: int, plan: Plan) -> Tensor:
    """What n particles need to know of the target along each direction: `(L, ·)`."""
    blocks = directions.blocks(n + len(target))
    return torch.cat([plan.goals(block.project(target), n) for block in blocks])
