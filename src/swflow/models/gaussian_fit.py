"""A Gaussian with the teacher's mean and covariance at each stored time: the row that must fail."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor

from swflow.errors import InputError
from swflow.models.base import Domain, Drawn, Model, Point
from swflow.settings import GaussianFitSettings
from swflow.training import TrainingJob
from swflow.trajectory import Trajectory


class GaussianFit(Model):
    """N(m, F Fᵀ): means `(e, T, d)` and Cholesky factors `(e, T, d, d)`."""

    kind: ClassVar[str] = "gaussian_fit"

    def __init__(
        self, settings: GaussianFitSettings, domain: Domain, mean: Tensor, factor: Tensor
    ) -> None:
        self.settings, self.domain = settings, domain
        self.mean, self.factor = mean, factor

    @classmethod
    def fit(
        cls,
        settings: GaussianFitSettings,
        domain: Domain,
        teacher: Sequence[Trajectory],
        job: TrainingJob,
    ) -> tuple[Self, pd.DataFrame]:
        """Take the moments of every stored cloud; the history is empty."""
        moments = [
            [_moments(store.particles(k)) for k in range(len(domain.times))] for store in teacher
        ]
        mean, factor = (
            torch.from_numpy(np.array([[pair[i] for pair in row] for row in moments])).float()
            for i in (0, 1)
        )
        unlabelled = replace(domain, labels=(), label_shares=())  # one Gaussian for all classes
        return cls(settings, unlabelled, mean, factor), pd.DataFrame({"step": [], "loss": []})

    def draw(self, n: int, point: Point, generator: Generator, quasi: bool = False) -> Drawn:
        """Independent Gaussian draws."""
        self.refuse_quasi(quasi)
        e = int(np.argmin(np.abs(np.subtract(self.domain.entropies, point.entropy))))
        t = int(np.argmin(np.abs(np.subtract(self.domain.times, point.time))))
        normal = torch.randn(n, self.domain.units.dim, generator=generator)
        return Drawn(self.mean[e, t] + normal @ self.factor[e, t].T)

    def tensors(self) -> dict[str, Tensor]:
        """Means and factors."""
        return {"mean": self.mean, "factor": self.factor}

    @classmethod
    def rebuild(
        cls, settings: GaussianFitSettings, domain: Domain, tensors: dict[str, Tensor]
    ) -> Self:
        """The fit with these moments. Raises ValueError where they do not fit."""
        leading, dim = (len(domain.entropies), len(domain.times)), domain.units.dim
        shapes = {"mean": (*leading, dim), "factor": (*leading, dim, dim)}
        for name, shape in shapes.items():
            if name not in tensors or tensors[name].shape != shape:
                raise InputError(f"{name}: needed is a tensor of shape {shape}.")
        return cls(settings, domain, tensors["mean"], tensors["factor"])


def _moments(cloud: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    covariance = np.atleast_2d(np.cov(cloud.astype(np.float64), rowvar=False))
    # A cloud on a subspace has a singular covariance: a relative 1e-9 keeps the factor defined.
    ridge = 1e-9 * np.trace(covariance) / len(covariance)
    return cloud.mean(axis=0), np.linalg.cholesky(covariance + ridge * np.eye(len(covariance)))


MODEL = GaussianFit
