"""Covariance matrices: random ones, and roots."""

import numpy as np

from swflow.settings import RandomCovariance


def random_covariance(settings: RandomCovariance, dim: int) -> np.ndarray:
    """`(dim, dim)`: a uniformly random rotation of log-uniform eigenvalues."""
    rng = np.random.default_rng([settings.seed, dim])
    q, r = np.linalg.qr(rng.standard_normal((dim, dim)))
    rotation = q * np.sign(np.diag(r))  # then uniform (Mezzadri 2007)
    eigenvalues = np.exp(rng.uniform(np.log(settings.smallest), np.log(settings.largest), dim))
    return (rotation * eigenvalues) @ rotation.T


def square_root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a positive definite matrix."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values)) @ vectors.T
