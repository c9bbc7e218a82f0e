"""Source laws: where every flow starts at time 0, in model units."""

import math

import numpy as np
import torch
from torch import Tensor

from swflow.flow.covariance import random_covariance, square_root
from swflow.randomness import fresh_key
from swflow.runtime.errors import InputError
from swflow.settings import SourceSettings

MAX_SOBOL_DIM = torch.quasirandom.SobolEngine.MAXDIM


def draw_source(
    settings: SourceSettings, n: int, dim: int, *, quasi: bool = False, generator: torch.Generator
) -> Tensor:
    """Draw `(n, dim)` float32 points of the source law.

    `quasi` spreads them evenly: a scrambled Sobol sequence pushed through the law's quantiles.
    Raises ValueError where Sobol sequences are not defined (more than 21,201 dimensions).
    """
    if quasi:
        uniform = _sobol(n, dim, generator)
    elif settings.law == "uniform":
        uniform = torch.rand(n, dim, generator=generator, device=generator.device)
    if settings.law == "uniform":
        standard = (2 * uniform - 1) * math.sqrt(3)  # unit variance, as the Gaussian
    elif quasi:
        standard = torch.special.ndtri(uniform)
    else:
        standard = torch.randn(n, dim, generator=generator, device=generator.device)
    return settings.mean + settings.scale * _shaped(settings, standard)


def source_covariance(settings: SourceSettings, dim: int) -> np.ndarray:
    """The law's covariance `(dim, dim)`."""
    if settings.covariance is None:
        return settings.scale**2 * np.eye(dim)
    return settings.scale**2 * random_covariance(settings.covariance, dim)


def source_score(settings: SourceSettings, x: np.ndarray) -> np.ndarray:
    """∇log of a Gaussian source's density at points `(n, d)`."""
    precision = np.linalg.inv(source_covariance(settings, x.shape[1]))
    return ((settings.mean - x) @ precision).astype(x.dtype)


def _shaped(settings: SourceSettings, standard: Tensor, inverse: bool = False) -> Tensor:
    """Uncorrelated points `(n, d)` with the source's covariance; or the other way."""
    if settings.covariance is None:
        return standard
    root = square_root(random_covariance(settings.covariance, standard.shape[1]))
    factor = np.linalg.inv(root) if inverse else root
    return standard @ torch.from_numpy(factor).to(standard)


def shared_labels(y: np.ndarray, n: int) -> np.ndarray:
    """Classes of n points, sorted, in the proportions of the classes `(m,)` of the data."""
    return np.sort(y)[np.arange(n) * len(y) // n]


def interpolate_source(settings: SourceSettings, a: Tensor, b: Tensor, angle: Tensor) -> Tensor:
    """Between two draws of the source a third: cos φ·a + sin φ·b in its Gaussian copula.

    For independent a and b `(n, d)` and any angles `(n, 1)` the result has the source's law.
    """
    standard = [
        _shaped(settings, (x - settings.mean) / settings.scale, inverse=True) for x in (a, b)
    ]
    if settings.law == "uniform":
        standard = [torch.special.ndtri(_inside((x / math.sqrt(3) + 1) / 2)) for x in standard]
    between = angle.cos() * standard[0] + angle.sin() * standard[1]
    if settings.law == "uniform":
        between = (2 * torch.special.ndtr(between) - 1) * math.sqrt(3)
    return settings.mean + settings.scale * _shaped(settings, between)


def _inside(uniform: Tensor) -> Tensor:
    """Off 0 and 1, where the Gaussian quantile is infinite."""
    return uniform.clamp(2.0**-32, 1 - 2.0**-24)


def _sobol(n: int, dim: int, generator: torch.Generator) -> Tensor:
    if dim > MAX_SOBOL_DIM:
        raise InputError(
            f"a quasi-random source has at most {MAX_SOBOL_DIM} dimensions, got {dim}: "
            "draw independent points (quasi=False)."
        )
    engine = torch.quasirandom.SobolEngine(dim, scramble=True, seed=fresh_key(generator))
    # In float64, then off the ends: the quantile at 0 or 1 is infinite.
    uniform = _inside(engine.draw(n, dtype=torch.float64))
    return uniform.float().to(generator.device)
