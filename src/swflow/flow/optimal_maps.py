"""Optimal maps that are known exactly: what learned ones are held against."""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
from scipy.special import softmax

from swflow.flow.covariance import random_covariance, square_root
from swflow.flow.source import source_covariance
from swflow.representation.dataset import Dataset
from swflow.settings import ConvexMapSettings, RandomCovariance, SourceSettings

Map = Callable[[np.ndarray], np.ndarray]


class ConvexMap(NamedTuple):
    """∇φ of φ(x) = ½xᵀAx + log Σ exp(⟨w_k, x⟩ + b_k): matrix A, slopes w `(k, d)`, offsets b."""

    matrix: np.ndarray
    slopes: np.ndarray
    offsets: np.ndarray

    @classmethod
    def random(cls, settings: ConvexMapSettings) -> Self:
        """Eigenvalues of A in [½, 2], slopes of one length in random directions."""
        rng = np.random.default_rng([settings.seed, settings.dim])
        slopes = rng.standard_normal((settings.n_pieces, settings.dim))
        slopes *= settings.strength / np.linalg.norm(slopes, axis=1, keepdims=True)
        bounds = RandomCovariance(smallest=0.5, largest=2, seed=settings.seed)
        matrix = random_covariance(bounds, settings.dim)
        return cls(matrix, slopes, rng.standard_normal(settings.n_pieces))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """∇φ `(n, d)` at points `(n, d)`."""
        weights = softmax(x @ self.slopes.T + self.offsets, axis=1)
        return x @ self.matrix + weights @ self.slopes


def optimal_matrix(covariance0: np.ndarray, covariance1: np.ndarray) -> np.ndarray:
    """A of the optimal map x ↦ m₁ + A(x − m₀) between Gaussians of these covariances.

    A = Σ₀^(-½) (Σ₀^½ Σ₁ Σ₀^½)^½ Σ₀^(-½) (Peyré & Cuturi 2019, Computational optimal transport,
    eq. 2.40).
    """
    root = square_root(covariance0)
    inverse = np.linalg.inv(root)
    return inverse @ square_root(root @ covariance1 @ root) @ inverse


def known_map(dataset: Dataset, source: SourceSettings) -> Map | None:
    """The optimal map from a source to the dataset's law, model units; None where it is unknown.

    Known to Gaussian datasets from Gaussian sources, to datasets of kind convex_map from N(0, I).
    """
    units, attributes = dataset.units, dataset.attributes
    if source.law != "gaussian":
        return None
    if "covariance" in attributes:
        covariance = attributes["covariance"] / units.scale**2
        matrix = optimal_matrix(source_covariance(source, dataset.dim), covariance)
        mean = (attributes["mean"] - units.shift) / units.scale
        return lambda x: mean + (x - source.mean) @ matrix
    if "map_matrix" in attributes and source == SourceSettings():
        exact = ConvexMap(*(attributes[f"map_{name}"] for name in ConvexMap._fields))
        return lambda x: (exact(x) - units.shift) / units.scale
    return None


def best_affine_map(x: np.ndarray, y: np.ndarray) -> Map:
    """The optimal map between Gaussians with the moments of points and where they go, `(n, d)`."""
    mean0, mean1 = x.mean(axis=0), y.mean(axis=0)
    matrix = optimal_matrix(np.cov(x, rowvar=False), np.cov(y, rowvar=False))
    return lambda points: mean1 + (points - mean0) @ matrix
