"""Kernel density: training rows drawn again, with noise. The memoriser among the models."""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Generator, Tensor

from swflow.models.data_model import DataModel
from swflow.models.spec import Condition, Drawn, ModelSpec
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import KernelDensitySettings
from swflow.training.loop import History, TrainingRun

BANDWIDTHS = np.geomspace(0.01, 1, 13)
FOLDS = 5


class KernelDensity(DataModel):
    """Rows `(m, d)` of the training data, a bandwidth `()`, and their classes `(m,)` or None."""

    kind: ClassVar[str] = "kernel_density"

    def __init__(
        self,
        settings: KernelDensitySettings,
        spec: ModelSpec,
        rows: Tensor,
        bandwidth: Tensor,
        label: Tensor | None = None,
    ) -> None:
        self.settings, self.spec = settings, spec
        self.rows, self.bandwidth, self.label = rows, bandwidth, label

    @classmethod
    def fit(
        cls,
        settings: KernelDensitySettings,
        spec: ModelSpec,
        teacher: Dataset,
        training: TrainingRun,
    ) -> tuple[Self, History]:
        """Keep the rows; the history has the likelihood of each bandwidth that was tried."""
        rows = teacher.rows("train")
        if settings.bandwidth == "cross_validation":
            bandwidth, history = _likeliest(rows)
        else:
            bandwidth, history = settings.bandwidth, []
        y = teacher.splits["train"].y if spec.labels else None
        label = None if y is None else torch.from_numpy(y)
        return cls(settings, spec, torch.from_numpy(rows), torch.tensor(bandwidth), label), history

    def draw(
        self, n: int, condition: Condition, generator: Generator, quasi: bool = False
    ) -> Drawn:
        """Rows drawn with replacement, with independent Gaussian noise."""
        self.refuse_quasi(quasi)
        known = torch.arange(len(self.rows))
        if self.label is not None and condition.label is not None:
            known = known[self.label == condition.label]
        chosen = known[torch.randint(len(known), (n,), generator=generator)]
        noise = torch.randn(n, self.rows.shape[1], generator=generator)
        x = self.rows[chosen] + self.bandwidth * noise
        return Drawn(x, None if self.label is None else self.label[chosen])

    def tensors(self) -> dict[str, Tensor]:
        """Rows, bandwidth and classes."""
        label = {} if self.label is None else {"label": self.label}
        return {"rows": self.rows, "bandwidth": self.bandwidth, **label}

    @classmethod
    def rebuild(
        cls, settings: KernelDensitySettings, spec: ModelSpec, tensors: dict[str, Tensor]
    ) -> Self:
        """The model with these rows. Raises ValueError where they do not fit."""
        rows, bandwidth = tensors.get("rows"), tensors.get("bandwidth")
        if rows is None or rows.ndim != 2 or rows.shape[1] != spec.units.dim or not len(rows):
            raise InputError(f"rows: needed is a tensor of shape (m, {spec.units.dim}).")
        if bandwidth is None or bandwidth.ndim or not bandwidth > 0:
            raise InputError("bandwidth: needed is one positive number.")
        label = tensors.get("label")
        if (label is None) == bool(spec.labels) or (label is not None and len(label) != len(rows)):
            raise InputError("label: needed is the class of each row where classes were learned.")
        return cls(settings, spec, rows, bandwidth, label)


def _likeliest(rows: np.ndarray) -> tuple[float, History]:
    """The bandwidth under which left-out rows `(n, d)` are likeliest, and what each scored."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KernelDensity as Estimator

    search = GridSearchCV(Estimator(rtol=1e-3), {"bandwidth": BANDWIDTHS}, cv=FOLDS).fit(rows)
    losses = -search.cv_results_["mean_test_score"]
    history = [
        {"step": step, "loss": float(loss), "bandwidth": float(bandwidth)}
        for step, (loss, bandwidth) in enumerate(zip(losses, BANDWIDTHS, strict=True))
    ]
    return float(search.best_params_["bandwidth"]), history
