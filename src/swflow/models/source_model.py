"""Models that carry points of the source to the flow's state at a time."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from swflow.flow.source import draw_source, interpolate_source
from swflow.flow.trajectory import Trajectory
from swflow.models.sampler import Journey, Model
from swflow.models.spec import Condition, Drawn, listed
from swflow.runtime.errors import InputError

# Few enough that activations stay in a CPU's cache: a quarter faster than 2,048. GPUs want many.
BATCH_ROWS = {"cpu": 512, "cuda": 16384}


class SourceModel(Model):
    """A model that carries points of the source: x₀ to the flow's state at a time.

    composes: whether several passes are the same map as one, but for what was not learned exactly.
    """

    composes: ClassVar[bool] = False

    @abstractmethod
    def carry(self, x0: Tensor, condition: Condition) -> Tensor:
        """A batch `(n, d)`, of one class where there are classes, to `(n, d)` in model units.

        The condition was checked.
        """

    def pair(self, run: Trajectory, index: int, rows: slice = slice(None)) -> np.ndarray:
        """What the source points of a run are mapped to at stored time `index`, `(n, d)`."""
        return run.paired(index, rows)

    def transport(
        self,
        x0: Tensor,
        *,
        time: float | None = None,
        entropy: float | None = None,
        label: int | Tensor | None = None,
        passes: int = 1,
    ) -> Tensor:
        """Carry source points `(n, d)`, floats, to time τ, in model units, as float32.

        label: of all points or `(n,)` of each, needed where the flow was made class by class.
        Raises as `sample`.
        """
        if not isinstance(x0, Tensor) or not x0.is_floating_point() or not x0.isfinite().all():
            raise InputError("x0 must be a tensor of finite floats.")
        if x0.ndim != 2 or x0.shape[1] != self.spec.units.dim:
            raise InputError(
                f"x0 has shape {tuple(x0.shape)}: needed is (n, {self.spec.units.dim}), "
                "source points in model units."
            )
        condition = self.check(time, entropy, None, passes)
        carried = self._carry_all(x0.float(), condition, self._label_of_each(label, len(x0)))
        return carried.clone()  # not made in inference mode: others may go on from it

    def draw(
        self, n: int, condition: Condition, generator: Generator, quasi: bool = False
    ) -> Drawn:
        """Source points, carried; evenly spread ones are so within each class, too."""
        label = self.choose_labels(n, condition, generator, quasi)
        x0 = self.sources(n, generator, quasi)
        if quasi and label is not None:
            # Runs of a Sobol sequence are spread evenly, random subsets of it are not: classes
            # take runs, and are mixed only then.
            order = torch.randperm(n, generator=generator)
            x0, label = x0[order], label[order]
        return Drawn(self._carry_all(x0, condition, label), label)

    def large_sample(self, n: int, condition: Condition, generator: Generator) -> Tensor:
        """Evenly spread draws: what is left is the model's error and not that of sampling."""
        return self.draw(n, condition, generator, quasi=True).x

    def mapped_pairs(
        self, n: int, condition: Condition, generator: Generator
    ) -> tuple[Tensor, Tensor] | None:
        """Fresh source points, where one map serves them all."""
        if self.spec.labels:
            return None
        x0 = self.sources(n, generator)
        return x0, self._carry_all(x0, condition, None)

    def journey(self, n: int, condition: Condition, generator: Generator) -> Journey:
        """The same source points carried to each time."""
        label = self.choose_labels(n, condition, generator)
        x0 = self.sources(n, generator)
        return lambda time: self._carry_all(x0, condition._replace(time=time), label)

    def sources(self, n: int, generator: Generator, quasi: bool = False) -> Tensor:
        """Points `(n, d)` of the source law."""
        spec = self.spec
        return draw_source(spec.source, n, spec.units.dim, quasi=quasi, generator=generator)

    def between(self, a: Tensor, b: Tensor, angle: Tensor) -> Tensor:
        """Source points between two, `(n, d)` each: see `interpolate_source`."""
        return interpolate_source(self.spec.source, a, b, angle)

    def one_hot(self, label: Tensor) -> Tensor:
        """Classes `(n,)` as columns `(n, number of classes)`: none where there are no classes."""
        known = torch.tensor(self.spec.labels, dtype=torch.long, device=label.device)
        return (label[:, None] == known).float()

    def _label_of_each(self, label: int | Tensor | None, n: int) -> Tensor | None:
        """The classes `(n,)` of n points, checked; none where the flow has none."""
        if label is None and not self.spec.labels:
            return None
        if label is None:
            known = listed(self.spec.labels)
            raise InputError(f"label=None: say the class of the points, of {known}.")
        each = label if isinstance(label, Tensor) else torch.full((n,), label)
        if each.shape != (n,):
            raise InputError(
                f"label has shape {tuple(each.shape)}: needed is ({n},), or one number."
            )
        for found in each.unique().tolist():
            self.check_label(found)
        return each

    @torch.inference_mode()
    def _carry_all(self, x0: Tensor, condition: Condition, label: Tensor | None) -> Tensor:
        """In batches, class by class: all points of a batch meet the same conditions."""
        if label is None:
            rows = BATCH_ROWS.get(torch.device(self.device).type, BATCH_ROWS["cpu"])
            batches = (x.to(self.device) for x in x0.split(rows))
            return torch.cat([self.carry(x, condition).to(x0.device) for x in batches])
        carried = torch.empty_like(x0)
        for known in label.unique().tolist():
            rows = label == known
            carried[rows] = self._carry_all(x0[rows], condition._replace(label=known), None)
        return carried


class SeveralPasses(SourceModel):
    """A model that applies its network as often as it is asked to."""

    one_pass: ClassVar[str]

    @property
    def passes(self) -> tuple[int, ...]:
        """The numbers that the settings ask for; any other may be asked for too."""
        return tuple(self.settings.passes)

    def check_passes(self, passes: int) -> None:
        """Any number from 1."""
        if passes < 1:
            raise InputError(f"passes={passes}: at least 1 {self.one_pass} is needed.")
