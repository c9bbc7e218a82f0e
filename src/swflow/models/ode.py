"""Ordinary differential equations, by a given number of evaluations."""

from collections.abc import Callable

from torch import Tensor


def adams_bashforth(
    slope: Callable[[Tensor, float], Tensor], x: Tensor, end: float, n_steps: int
) -> Tensor:
    """Solve dx/ds = slope(x, s) from s = 0 to `end` in even steps, one evaluation each.

    x: `(n, d)`, as is what is returned. The explicit two-step method of Adams and Bashforth
    (Hairer, Nørsett & Wanner 1993, Solving ordinary differential equations I, III.1); its first
    step is Euler's.
    """
    h = end / n_steps
    before = None
    for step in range(n_steps):
        now = slope(x, step * h)
        x = x + h * (now if before is None else 1.5 * now - 0.5 * before)
        before = now
    return x
