"""The partial plan: only a part of both laws is transported."""

import torch
from torch import Tensor

from swflow.settings.slicing import PartialSettings
from swflow.sliced.plans.parts import PartsPlan

LINES = 16  # whose tables are held at once


class Partial(PartsPlan):
    """The mass that is asked for is transported at the least cost ½|x − y|²; the rest stays.

    After Bonneel & Coeurjolly 2019, SPOT: sliced partial optimal transport, for laws of equal mass.
    The plan between parts is exact: monotone matchings of k pairs by dynamic programming in k.
    """

    settings: PartialSettings

    def moves(self, x: Tensor, y: Tensor) -> Tensor:
        """Of matched parts to their partners; the others stay."""
        n_pairs = max(1, round(self.settings.mass * self.settings.n_parts))
        lines = zip(x.split(LINES), y.split(LINES), strict=True)
        return torch.cat([matched_moves(of, to, n_pairs) for of, to in lines])


def matched_moves(x: Tensor, y: Tensor, n_pairs: int) -> Tensor:
    """Where the cheapest monotone matching of so many pairs takes x, minus x; 0 without a partner.

    x, y: increasing, `(L, Q)`. least[k][i, j] is the cost of k pairs among the first i of x and j
    of y: the least over all that end before, and over (i, j) themselves as the last pair.
    """
    size = x.shape[1]
    cost = (x[:, :, None] - y[:, None, :]).square()
    least = [torch.nn.functional.pad(torch.zeros_like(cost), (1, 0, 1, 0))]
    for _ in range(n_pairs):
        ending = least[-1][:, :-1, :-1] + cost
        best = ending.cummin(dim=1).values.cummin(dim=2).values
        least.append(torch.nn.functional.pad(best, (1, 0, 1, 0), value=torch.inf))
    moves, line = torch.zeros_like(x), torch.arange(len(x), device=x.device)
    i, j, k = (torch.full_like(line, of) for of in (size, size, n_pairs))
    table = torch.stack(least)
    # Backwards: along what costs the same without the last of x or of y, else their pair.
    for _ in range(2 * size + n_pairs):
        open_ = k > 0
        here = table[k, line, i, j]
        skip_x = open_ & (table[k, line, (i - 1).clamp(min=0), j] == here) & (i > 0)
        skip_y = open_ & ~skip_x & (table[k, line, i, (j - 1).clamp(min=0)] == here) & (j > 0)
        pair = open_ & ~skip_x & ~skip_y
        at, to = i[pair] - 1, j[pair] - 1
        moves[line[pair], at] = y[line[pair], to] - x[line[pair], at]
        i, j = i - (skip_x | pair).long(), j - (skip_y | pair).long()
        k = k - pair.long()
    return moves
