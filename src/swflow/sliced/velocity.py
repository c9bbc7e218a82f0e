"""The drift of the particle flow: the average velocity of transports along directions."""

import torch
from torch import Tensor

from swflow.sliced.blocks import Directions, add_back, blocks, check_clouds, project
from swflow.sliced.transport import Exact, Transport

EXACT = Exact()


def sliced_velocity(x: Tensor, target: Tensor, directions: Tensor) -> Tensor:
    """The drift d·mean_l[(T_l(θ_l·x) − θ_l·x) θ_l] = −n·d·∇ ½SW₂²(x, target).

    T_l is the monotone map along θ_l. For unequal sizes the particle of rank i goes to
    n∫F⁻¹ over [i/n, (i+1)/n], F⁻¹ the target's quantile function (Liutkus et al. 2019, eq. 12,
    in the time units τ = t/d).

    x: `(n, d)`; target: `(m, d)`; directions: `(L, d)` unit vectors. Returns: `(n, d)`.
    Raises ValueError on shapes that do not match or empty clouds.
    """
    return drift(x, target, directions, x[:0])[0]


def drift(
    x: Tensor,
    target: Tensor | None,
    directions: Directions,
    carried: Tensor,
    *,
    transport: Transport = EXACT,
    goals: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`sliced_velocity` of x by any transport, and the same field at massless points.

    directions may be structured; carried: `(k, d)`; goals: what `transport` keeps of the target
    along these directions (`target_goals`), to be used instead of it. Returns: `(n, d)`, `(k, d)`.
    """
    check_clouds(x, x if target is None else target, directions)
    total, total_carried = torch.zeros_like(x), torch.zeros_like(carried)
    begin = 0
    for block in blocks(directions, len(x) + (0 if target is None else len(target))):
        if goals is not None:
            aims = goals[begin : begin + len(block)]
        else:
            assert target is not None
            aims = transport.goals(project(target, block), len(x))
        moved, moved_carried = transport.displacement(
            project(x, block), aims, project(carried, block)
        )
        add_back(total, moved, block)
        if len(carried):
            add_back(total_carried, moved_carried, block)
        begin += len(block)
    scale = x.shape[1] / len(directions)
    return total.mul_(scale), total_carried.mul_(scale)


def target_goals(target: Tensor, directions: Directions, n: int, transport: Transport) -> Tensor:
    """What n particles need to know of the target along each direction: `(L, ·)`."""
    parts = [
        transport.goals(project(target, block), n) for block in blocks(directions, n + len(target))
    ]
    return torch.cat(parts)
