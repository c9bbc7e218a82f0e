"""A slow float64 drift, written from the definition: what the fast one is held against."""

import numpy as np


def drift(x: np.ndarray, target: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """d·mean over θ of (T(θ·x) − θ·x)θ, T to the mean of the target's quantiles of each rank."""
    x, target, directions = (a.astype(np.float64) for a in (x, target, directions))
    n, m, total = len(x), len(target), np.zeros_like(x)
    for theta in directions:
        projected, goals = x @ theta, np.sort(target @ theta)
        for rank, particle in enumerate(np.argsort(projected, kind="stable")):
            # n∫F⁻¹ over [rank/n, (rank+1)/n]: F⁻¹ is goals[j] on [j/m, (j+1)/m].
            low, high = rank * m, (rank + 1) * m  # in units of 1/(n·m)
            weights = [max(0, min(high, (j + 1) * n) - max(low, j * n)) for j in range(m)]
            goal = np.dot(weights, goals) / m
            total[particle] += (goal - projected[particle]) * theta
    return x.shape[1] * total / len(directions)
