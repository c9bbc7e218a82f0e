"""Real rows as a sampler: what data nobody was fitted to scores against other real rows."""

from typing import Any, ClassVar

import torch
from torch import Generator

from swflow.models.sampler import Sampler
from swflow.models.spec import Condition, Drawn, ModelSpec
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import SourceSettings


class HeldoutRows(Sampler):
    """The held-out rows in random order, each at most once; they know no time and no entropy."""

    kind: ClassVar[str] = "test_set"

    def __init__(self, dataset: Dataset) -> None:
        fresh = dataset.fresh
        self.rows = torch.from_numpy(fresh.rows())
        self.labels = None if fresh.y is None else torch.from_numpy(fresh.y)
        self.n_rows, self.digest = len(self.rows), dataset.digest
        self.spec = ModelSpec(dataset.name, dataset.units, SourceSettings())

    @property
    def identity(self) -> Any:
        """The digest of its dataset."""
        return self.digest

    def draw(
        self, n: int, condition: Condition, generator: Generator, quasi: bool = False
    ) -> Drawn:
        """At most all held-out rows."""
        self.refuse_quasi(quasi)
        if n > len(self.rows):
            raise InputError(f"n={n}: the dataset holds out {len(self.rows)} rows; ask for fewer.")
        order = torch.randperm(len(self.rows), generator=generator)[:n]
        return Drawn(self.rows[order], None if self.labels is None else self.labels[order])
