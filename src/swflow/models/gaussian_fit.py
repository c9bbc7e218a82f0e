"""A Gaussian with the teacher's mean and covariance at each stored time: the row that must fail."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Generator, Tensor

from swflow.flow.trajectory import Trajectory
from swflow.models.sampler import Model
from swflow.models.spec import Condition, Drawn, ModelSpec
from swflow.runtime.errors import InputError
from swflow.settings import GaussianFitSettings
from swflow.training.loop import History, TrainingRun


class GaussianFit(Model):
    """N(m, F Fᵀ): means `(e, T, d)` and Cholesky factors `(e, T, d, d)`."""

    kind: ClassVar[str] = "gaussian_fit"

    def __init__(
        self, settings: GaussianFitSettings, spec: ModelSpec, mean: Tensor, factor: Tensor
    ) -> None:
        self.settings, self.spec = settings, spec
        self.mean, self.factor = mean, factor

    @classmethod
    def fit(
        cls,
        settings: GaussianFitSettings,
        spec: ModelSpec,
        teacher: Sequence[Trajectory],
        training: TrainingRun,
    ) -> tuple[Self, History]:
        """Take the moments of every stored cloud; the history is empty."""
        moments = [[_moments(run.particles(k)) for k in range(len(spec.times))] for run in teacher]
        mean, factor = (
            torch.from_numpy(np.array([[pair[i] for pair in row] for row in moments])).float()
            for i in (0, 1)
        )
        unlabelled = replace(spec, labels=(), label_shares=())  # one Gaussian for all classes
        return cls(settings, unlabelled, mean, factor), []

    def draw(
        self, n: int, condition: Condition, generator: Generator, quasi: bool = False
    ) -> Drawn:
        """Independent Gaussian draws."""
        self.refuse_quasi(quasi)
        assert condition.entropy is not None
        assert condition.time is not None
        e = int(np.argmin(np.abs(np.subtract(self.spec.entropies, condition.entropy))))
        t = int(np.argmin(np.abs(np.subtract(self.spec.times, condition.time))))
        normal = torch.randn(n, self.spec.units.dim, generator=generator)
        return Drawn(self.mean[e, t] + normal @ self.factor[e, t].T)

    def tensors(self) -> dict[str, Tensor]:
        """Means and factors."""
        return {"mean": self.mean, "factor": self.factor}

    @classmethod
    def rebuild(
        cls, settings: GaussianFitSettings, spec: ModelSpec, tensors: dict[str, Tensor]
    ) -> Self:
        """The fit with these moments. Raises ValueError where they do not fit."""
        leading, dim = (len(spec.entropies), len(spec.times)), spec.units.dim
        shapes = {"mean": (*leading, dim), "factor": (*leading, dim, dim)}
        for name, shape in shapes.items():
            if name not in tensors or tensors[name].shape != shape:
                raise InputError(f"{name}: needed is a tensor of shape {shape}.")
        return cls(settings, spec, tensors["mean"], tensors["factor"])


def _moments(cloud: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    covariance = np.atleast_2d(np.cov(cloud.astype(np.float64), rowvar=False))
    # A cloud on a subspace has a singular covariance: a relative 1e-9 keeps the factor defined.
    ridge = 1e-9 * np.trace(covariance) / len(covariance)
    return cloud.mean(axis=0), np.linalg.cholesky(covariance + ridge * np.eye(len(covariance)))
