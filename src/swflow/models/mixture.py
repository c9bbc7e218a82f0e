"""A mixture of Gaussians of the training rows, for each class its own where there are classes."""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Generator, Tensor

from swflow.models.data_model import DataModel
from swflow.models.spec import Condition, Drawn, ModelSpec
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import GaussianMixtureModelSettings
from swflow.training.loop import History, TrainingRun


class Mixture(DataModel):
    """Σ w N(m, F Fᵀ): weights `(c, k)`, means `(c, k, d)`, factors `(c, k, d, d)` of c classes.

    One class where none are learned.
    """

    kind: ClassVar[str] = "mixture"

    def __init__(
        self,
        settings: GaussianMixtureModelSettings,
        spec: ModelSpec,
        weight: Tensor,
        mean: Tensor,
        factor: Tensor,
    ) -> None:
        self.settings, self.spec = settings, spec
        self.weight, self.mean, self.factor = weight, mean, factor

    @classmethod
    def fit(
        cls,
        settings: GaussianMixtureModelSettings,
        spec: ModelSpec,
        teacher: Dataset,
        training: TrainingRun,
    ) -> tuple[Self, History]:
        """Expectation maximisation from k-means; the history has each class's mean likelihood.

        Raises InputError where a class has too few rows.
        """
        from sklearn.mixture import GaussianMixture

        rows, y = teacher.rows("train").astype(np.float64), teacher.splits["train"].y
        parts = [rows if y is None else rows[y == known] for known in spec.labels] or [rows]
        found, history = [], []
        for index, part in enumerate(parts):
            if len(part) <= settings.n_components:
                raise InputError(
                    f"{len(part)} rows for {settings.n_components} Gaussians: lower n_components."
                )
            fitted = GaussianMixture(settings.n_components, random_state=training.seed).fit(part)
            factors = np.linalg.cholesky(fitted.covariances_)
            found.append((fitted.weights_, fitted.means_, factors))
            history.append({"step": index, "loss": -float(fitted.lower_bound_)})
        weight, mean, factor = (
            torch.from_numpy(np.stack(of)).float() for of in zip(*found, strict=True)
        )
        return cls(settings, spec, weight, mean, factor), history

    def draw(
        self, n: int, condition: Condition, generator: Generator, quasi: bool = False
    ) -> Drawn:
        """Independent draws of a Gaussian each."""
        self.refuse_quasi(quasi)
        label = self.choose_labels(n, condition, generator)
        own = torch.zeros(n, dtype=torch.long)
        if label is not None:
            own = torch.searchsorted(torch.tensor(self.spec.labels), label)
        chosen = torch.multinomial(self.weight[own], 1, generator=generator)[:, 0]
        normal = torch.randn(n, self.spec.units.dim, generator=generator)
        x = torch.empty_like(normal)
        for pair in torch.stack([own, chosen]).unique(dim=1).T:
            rows = (own == pair[0]) & (chosen == pair[1])
            of, part = int(pair[0]), int(pair[1])
            x[rows] = self.mean[of, part] + normal[rows] @ self.factor[of, part].T
        return Drawn(x, label)

    def tensors(self) -> dict[str, Tensor]:
        """Weights, means and factors."""
        return {"weight": self.weight, "mean": self.mean, "factor": self.factor}

    @classmethod
    def rebuild(
        cls, settings: GaussianMixtureModelSettings, spec: ModelSpec, tensors: dict[str, Tensor]
    ) -> Self:
        """The mixture with these numbers. Raises ValueError where they do not fit."""
        leading, dim = (max(1, len(spec.labels)), settings.n_components), spec.units.dim
        shapes = {"weight": leading, "mean": (*leading, dim), "factor": (*leading, dim, dim)}
        for name, shape in shapes.items():
            if name not in tensors or tensors[name].shape != shape:
                raise InputError(f"{name}: needed is a tensor of shape {shape}.")
        return cls(settings, spec, *(tensors[name] for name in shapes))
