"""Kernel density: training rows drawn again, with noise. The memoriser among the models."""

from typing import ClassVar, Self

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity as Estimator
from torch import Generator, Tensor

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.models.base import Domain, Drawn, Point
from swflow.models.data_model import DataModel
from swflow.settings import KernelDensitySettings
from swflow.training import TrainingJob

BANDWIDTHS = np.geomspace(0.01, 1, 13)
FOLDS = 5


class KernelDensity(DataModel):
    """Rows `(m, d)` of the training data and a bandwidth `()`."""

    kind: ClassVar[str] = "kernel_density"

    def __init__(
        self, settings: KernelDensitySettings, domain: Domain, rows: Tensor, bandwidth: Tensor
    ) -> None:
        self.settings, self.domain = settings, domain
        self.rows, self.bandwidth = rows, bandwidth

    @classmethod
    def fit(
        cls, settings: KernelDensitySettings, domain: Domain, teacher: Dataset, job: TrainingJob
    ) -> tuple[Self, pd.DataFrame]:
        """Keep the rows; the history has the likelihood of each bandwidth that was tried."""
        rows, bandwidth = teacher.rows("train"), settings.bandwidth
        history = pd.DataFrame({"step": [], "loss": []})
        if bandwidth == "cross_validation":
            search = GridSearchCV(Estimator(rtol=1e-3), {"bandwidth": BANDWIDTHS}, cv=FOLDS).fit(
                rows
            )
            bandwidth = float(search.best_params_["bandwidth"])
            losses = -search.cv_results_["mean_test_score"]
            history = pd.DataFrame(
                {"step": range(len(losses)), "loss": losses, "bandwidth": BANDWIDTHS}
            )
        return cls(settings, domain, torch.from_numpy(rows), torch.tensor(bandwidth)), history

    def draw(self, n: int, point: Point, generator: Generator, quasi: bool = False) -> Drawn:
        """Rows drawn with replacement, with independent Gaussian noise."""
        self.refuse_quasi(quasi)
        rows = self.rows[torch.randint(len(self.rows), (n,), generator=generator)]
        return Drawn(rows + self.bandwidth * torch.randn(rows.shape, generator=generator))

    def tensors(self) -> dict[str, Tensor]:
        """Rows and bandwidth."""
        return {"rows": self.rows, "bandwidth": self.bandwidth}

    @classmethod
    def rebuild(
        cls, settings: KernelDensitySettings, domain: Domain, tensors: dict[str, Tensor]
    ) -> Self:
        """The model with these rows. Raises ValueError where they do not fit."""
        rows, bandwidth = tensors.get("rows"), tensors.get("bandwidth")
        if rows is None or rows.ndim != 2 or rows.shape[1] != domain.units.dim or not len(rows):
            raise InputError(f"rows: needed is a tensor of shape (m, {domain.units.dim}).")
        if bandwidth is None or bandwidth.ndim or not bandwidth > 0:
            raise InputError("bandwidth: needed is one positive number.")
        return cls(settings, domain, rows, bandwidth)


MODEL = KernelDensity
