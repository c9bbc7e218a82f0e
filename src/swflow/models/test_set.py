"""Real rows as a sampler: what data nobody was fitted to scores against the test split."""

import math
from typing import ClassVar

import torch
from torch import Generator

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.models.base import Domain, Drawn, Point, Sampler
from swflow.settings import TEST_SET, SourceSettings


class TestSet(Sampler):
    """The held-out rows in random order, each at most once; they know no time and no entropy."""

    kind: ClassVar[str] = TEST_SET
    __test__ = False  # not a pytest class

    def __init__(self, dataset: Dataset) -> None:
        y = dataset.splits["heldout"].y
        self.rows = torch.from_numpy(dataset.rows("heldout"))
        self.labels = None if y is None else torch.from_numpy(y)
        nowhere = (math.nan,)
        self.domain = Domain(dataset.name, dataset.units, SourceSettings(), nowhere, nowhere)

    def draw(self, n: int, point: Point, generator: Generator, quasi: bool = False) -> Drawn:
        """At most all held-out rows."""
        self.refuse_quasi(quasi)
        if n > len(self.rows):
            raise InputError(f"n={n}: the dataset holds out {len(self.rows)} rows; ask for fewer.")
        order = torch.randperm(len(self.rows), generator=generator)[:n]
        return Drawn(self.rows[order], None if self.labels is None else self.labels[order])

    def check_time(self, time: float) -> None:
        """No time can be asked for."""
        if not math.isnan(time):
            raise InputError(f"time={time:g}: data rows know no time; leave it out.")

    def check_entropy(self, entropy: float) -> None:
        """No entropy can be asked for."""
        if not math.isnan(entropy):
            raise InputError(f"entropy={entropy:g}: data rows know no entropy; leave it out.")
