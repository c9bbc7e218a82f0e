"""The flow itself as a sampler: draws with replacement from stored particles."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from swflow.flow.trajectory import Trajectory
from swflow.models.sampler import Journey, Sampler
from swflow.models.spec import Condition, Drawn, ModelSpec
from swflow.representation.affine import Affine
from swflow.representation.latent import with_decoder


class Particles(Sampler):
    """Draws of a stored run: what a perfect substitute of the flow would give."""

    kind: ClassVar[str] = "particles"

    def __init__(self, runs: Sequence[Trajectory]) -> None:
        self.runs = {run.entropy: run for run in runs}
        first = runs[0]
        labels, shares = first.classes()
        self.spec = ModelSpec(
            dataset=first.attributes["dataset"],
            units=with_decoder(Affine.from_json(first.attributes["units"]), first.store.packed),
            source=first.settings.source,
            times=tuple(float(t) for t in first.time),
            entropies=tuple(self.runs),
            labels=labels,
            label_shares=shares,
            known=first.settings.known,
        )

    @property
    def identity(self) -> Any:
        """What its runs were made of."""
        return [run.store.identity for run in self.runs.values()]

    def draw(
        self, n: int, condition: Condition, generator: Generator, quasi: bool = False
    ) -> Drawn:
        """Rows of the stored cloud, drawn with replacement."""
        self.refuse_quasi(quasi)
        cloud = self.cloud(condition)
        chosen = torch.randint(len(cloud.x), (n,), generator=generator)
        return Drawn(cloud.x[chosen], None if cloud.label is None else cloud.label[chosen])

    def large_sample(self, n: int, condition: Condition, generator: Generator) -> Tensor:
        """All particles, once each."""
        return self.cloud(condition).x

    def run(self, condition: Condition) -> Trajectory:
        """The run at the condition's entropy."""
        asked = condition.entropy or 0.0
        return self.runs[min(self.runs, key=lambda stored: abs(stored - asked))]

    def mapped_pairs(
        self, n: int, condition: Condition, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """All particles at time 0, and where they or their twins are."""
        run = self.run(condition)
        ends = run.paired(self._index(condition))
        return torch.from_numpy(run.particles(0)), torch.from_numpy(ends)

    def journey(self, n: int, condition: Condition, generator: Generator) -> Journey:
        """Some particles (for ε > 0 their twins), straight in log(1 + τ) between stored times."""
        run, rows = self.run(condition), self.rows(condition)
        rows = rows[torch.randperm(len(rows), generator=generator)[:n]]
        clouds = np.stack([run.paired(k)[rows] for k in range(len(run.time))])
        knots = np.log1p(run.time)

        def at(time: float) -> Tensor:
            return torch.from_numpy(_between(knots, clouds, float(np.log1p(time))))

        return at

    def cloud(self, condition: Condition) -> Drawn:
        """All stored particles (of one class, where the condition says it) at a stored time."""
        run, rows = self.run(condition), self.rows(condition)
        x = torch.from_numpy(run.particles(self._index(condition)))[rows]
        return Drawn(x, None if run.label is None else torch.from_numpy(run.label)[rows])

    def rows(self, condition: Condition) -> Tensor:
        """Row numbers of the particles of the condition's class."""
        label = self.run(condition).label
        if label is None or condition.label is None:
            return torch.arange(self.run(condition).shape[0])
        return torch.from_numpy(label == condition.label).nonzero()[:, 0]

    def _index(self, condition: Condition) -> int:
        time = self.spec.times[-1] if condition.time is None else condition.time
        return self.run(condition).index(time)


def _between(knots: np.ndarray, clouds: np.ndarray, at: float) -> np.ndarray:
    """Piecewise linear through clouds `(T, n, d)` at increasing knots `(T,)`."""
    k = int(np.clip(np.searchsorted(knots, at) - 1, 0, len(knots) - 2))
    part = np.float32((at - knots[k]) / (knots[k + 1] - knots[k]))
    return (1 - part) * clouds[k] + part * clouds[k + 1]
