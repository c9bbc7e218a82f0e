"""Fréchet and kernel distances of samples to real rows, in any space, with their errors."""

from functools import reduce
from typing import NamedTuple, Self

import numpy as np

# Parts of the samples that are left out one after the other, for the error.
GROUPS = 5
BLOCK = 1000  # rows of each side in one estimate of the kernel distance


class Moments(NamedTuple):
    """Of n rows: how many there are, their sum `(d,)` and the sum of their products `(d, d)`."""

    n: int
    total: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Self:
        """Those of rows `(n, d)`."""
        x = x.astype(np.float64)
        return cls(len(x), x.sum(axis=0), x.T @ x)

    def joined(self, other: "Moments") -> "Moments":
        """Those of these and other rows."""
        return Moments(self.n + other.n, self.total + other.total, self.products + other.products)

    def without(self, other: "Moments") -> "Moments":
        """Those of the rows that are not among others."""
        return Moments(self.n - other.n, self.total - other.total, self.products - other.products)

    def mean(self) -> np.ndarray:
        """`(d,)`."""
        return self.total / self.n

    def covariance(self) -> np.ndarray:
        """`(d, d)`."""
        mean = self.mean()
        return (self.products - self.n * np.outer(mean, mean)) / (self.n - 1)


class FrechetTo:
    """W₂² of the Gaussians with the moments of samples and of real rows `(n, d)` (Heusel 2017)."""

    def __init__(self, real: np.ndarray) -> None:
        moments = Moments.of(real)
        self.mean, covariance = moments.mean(), moments.covariance()
        values, vectors = np.linalg.eigh(covariance)
        # tr (C₁C₂)^½ = tr (C₁^½ C₂ C₁^½)^½, whose matrix is symmetric.
        self.root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        self.trace = float(np.trace(covariance))

    def __call__(self, x: np.ndarray) -> tuple[float, float]:
        """The distance of samples `(n, d)`, and its standard error (jackknife over GROUPS parts).

        Biased upwards by about tr C/n on each side: compare at equal n. The root of the product of
        covariances is linear in the jackknife (d tr (R C R)^½ = ½ tr R (R C R)^−½ R dC): one
        decomposition serves all its parts.
        """
        groups = [Moments.of(part) for part in np.array_split(x, GROUPS)]
        whole = reduce(Moments.joined, groups)
        covariance = whole.covariance()
        values, vectors = np.linalg.eigh(self.root @ covariance @ self.root)
        roots = np.sqrt(np.maximum(values, 0))
        known = values > len(values) * np.finfo(float).eps * values.max()
        ways = self.root @ (vectors[:, known] / np.sqrt(roots[known]))
        slope = ways @ ways.T

        def distance(moments: Moments) -> float:
            own = moments.covariance()
            shift = float(np.square(moments.mean() - self.mean).sum())
            root = float(roots.sum() + np.vdot(slope, own - covariance) / 2)
            return shift + float(np.trace(own)) + self.trace - 2 * root

        left = np.array([distance(whole.without(group)) for group in groups])
        error = np.sqrt((GROUPS - 1) / GROUPS * np.square(left - left.mean()).sum())
        return distance(whole), float(error)


def kernel_distance(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Unbiased MMD² under the kernel (x·y/d + 1)³ (Bińkowski et al. 2018), and its standard error.

    x, y: `(n, d)`. The mean over disjoint blocks of at most BLOCK rows of each side (at least three
    blocks); below 0 now and then where the laws are equal.
    """
    n = min(len(x), len(y))
    blocks = max(3, n // BLOCK)
    pairs = zip(np.array_split(x[:n], blocks), np.array_split(y[:n], blocks), strict=True)
    values = np.array([_unbiased(*pair) for pair in pairs])
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(blocks))


def _unbiased(x: np.ndarray, y: np.ndarray) -> float:
    n = len(x)
    own = sum(float(k.sum() - np.trace(k)) for k in (_kernel(x, x), _kernel(y, y)))
    return own / (n * (n - 1)) - 2 * float(_kernel(x, y).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    values: np.ndarray = (x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1) ** 3
    return values
