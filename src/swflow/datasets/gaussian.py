"""Gaussian laws in any dimension: the case with closed forms."""

import numpy as np

from swflow.datasets.make import RawRows
from swflow.flow.covariance import random_covariance
from swflow.runtime.errors import InputError
from swflow.settings import GaussianSettings, RandomCovariance


def gaussian(settings: GaussianSettings, n: int, rng: np.random.Generator) -> RawRows:
    """Draws of N(mean, covariance), whose moments are attributes for closed forms."""
    mean = np.broadcast_to(np.asarray(settings.mean, dtype=float), settings.dim)
    covariance = covariance_matrix(settings)
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise InputError("covariance: not positive definite; give one that is.") from None
    x = mean + rng.standard_normal((n, settings.dim)) @ factor.T
    return RawRows(x, attributes={"covariance": covariance, "mean": mean})


def covariance_matrix(settings: GaussianSettings) -> np.ndarray:
    """The `(dim, dim)` covariance from what the settings give."""
    if isinstance(settings.covariance, RandomCovariance):
        return random_covariance(settings.covariance, settings.dim)
    given = np.asarray(settings.covariance, dtype=float)
    full = given if given.ndim == 2 else np.diag(np.broadcast_to(given, settings.dim))
    if full.shape != (settings.dim, settings.dim) or not np.allclose(full, full.T):
        raise InputError(f"covariance: needed is a symmetric ({settings.dim}, {settings.dim}).")
    return full
