"""The partial plan: only a part of both laws is transported."""

import torch
from torch import Tensor

from swflow.settings.slicing import PartialSettings
from swflow.sliced.plans.parts import PartsPlan

TABLE_NUMBERS = 2**24  # of the tables of lines that are held at once


class Partial(PartsPlan):
    """The mass that is asked for is transported at the least cost ½|x − y|²; the rest stays.

    After Bonneel & Coeurjolly 2019, SPOT: sliced partial optimal transport, for laws of equal mass.
    The plan between parts is exact: monotone matchings of k pairs by dynamic programming in k.
    """

    settings: PartialSettings

    def moves(self, x: Tensor, y: Tensor) -> Tensor:
        """Of matched parts to their partners; the others stay."""
        n_parts = self.settings.n_parts
        n_pairs = max(1, round(self.settings.mass * n_parts))
        n_lines = max(1, TABLE_NUMBERS // ((n_pairs + 1) * (n_parts - n_pairs + 1) ** 2))
        lines = zip(x.split(n_lines), y.split(n_lines), strict=True)
        return torch.cat([matched_moves(of, to, n_pairs) for of, to in lines])


def matched_moves(x: Tensor, y: Tensor, n_pairs: int) -> Tensor:
    """Where the cheapest monotone matching of so many pairs takes x, minus x; 0 without a partner.

    x, y: increasing, `(L, Q)`. least[k][a, b] is the cost of k pairs after a of x and b of y went
    without partner, of Q - n_pairs that do in the end: the least over all that skip as many before
    the last pair or after it.
    """
    n_lines, size = x.shape
    skipped = size - n_pairs
    table = x.new_zeros(n_pairs + 1, n_lines, skipped + 1, skipped + 1)
    for pairs in range(n_pairs):
        near = slice(pairs, pairs + skipped + 1)
        ending = table[pairs] + (x[:, near, None] - y[:, None, near]).square()
        table[pairs + 1] = ending.cummin(dim=1).values.cummin(dim=2).values
    moves, line = torch.zeros_like(x), torch.arange(n_lines, device=x.device)
    a, b, k = (torch.full_like(line, of) for of in (skipped, skipped, n_pairs))
    # Backwards: along what costs the same without the last of x or of y, else their pair.
    for _ in range(2 * skipped + n_pairs):
        open_ = k > 0
        here = table[k, line, a, b]
        skip_x = open_ & (table[k, line, (a - 1).clamp(min=0), b] == here) & (a > 0)
        skip_y = open_ & ~skip_x & (table[k, line, a, (b - 1).clamp(min=0)] == here) & (b > 0)
        pair = open_ & ~skip_x & ~skip_y
        k, a, b = k - pair.long(), a - skip_x.long(), b - skip_y.long()
        of, at, to = line[pair], (k + a)[pair], (k + b)[pair]
        moves[of, at] = y[of, to] - x[of, at]
    return moves
