"""Models of flows that hold what is known of an image: they complete the rest."""

import copy
from typing import Self

import torch
from torch import Generator, Tensor

from swflow.flow.known import held
from swflow.models.source_model import SourceModel
from swflow.models.spec import Condition
from swflow.runtime.errors import InputError


class CompletingModel(SourceModel):
    """A source model whose flow may hold known pixels, which then stand in its source points.

    rows: `(k, d)` in model units, whose known pixels draws complete; none by default.
    """

    rows: Tensor | None = None

    def complete(
        self,
        images: Tensor,
        *,
        time: float | None = None,
        entropy: float | None = None,
        passes: int = 1,
        generator: Generator | None = None,
    ) -> Tensor:
        """Complete images `(n, *event_shape)`, in data units, of which known pixels alone are read.

        Each from a source point of its own: one image given several times is completed in several
        ways. Known pixels come out as they went in. Raises ValueError where the model's flow holds
        none, for another shape, for known pixels that are not finite, and as `sample`.
        """
        known, units = self._held(), self.spec.units
        if tuple(images.shape[1:]) != units.event_shape or not len(images):
            raise InputError(
                f"images have shape {tuple(images.shape)}: needed are (n, "
                f"{', '.join(map(str, units.event_shape))}), in data units."
            )
        of_event = known.reshape(units.event_shape)
        if not torch.isfinite(images[:, of_event]).all():
            raise InputError("some known pixels are NaN or infinite: give all that are known.")
        condition = self.check(time, entropy, None, passes)
        there = images.detach().cpu()
        rows = torch.from_numpy(units.encode(there.numpy())).flatten(1)
        chosen = generator if generator is not None else torch.default_generator
        completed = self.to_data(self.completed(rows, condition, chosen)).to(images.device)
        return torch.where(of_event.to(images.device), images.detach().to(completed), completed)

    def completed(self, rows: Tensor, condition: Condition, generator: Generator) -> Tensor:
        """Rows `(n, d)`, in model units, each completed from what is known of it."""
        x0 = super().sources(len(rows), generator)
        return self._carry_all(held(x0, rows, self._held()), condition, None)

    def completing(self, rows: Tensor) -> Self:
        """The same model, whose draws complete known pixels of rows `(k, d)`, in model units."""
        other = copy.copy(self)
        other.rows = rows
        return other

    def with_tensors(self, tensors: dict[str, Tensor]) -> Self:
        """The same model with other numbers, whose draws complete the same rows."""
        other = super().with_tensors(tensors)
        other.rows = self.rows
        return other

    def sources(self, n: int, generator: Generator, quasi: bool = False) -> Tensor:
        """Source points, with known pixels of some rows. Raises InputError where there are none."""
        x0 = super().sources(n, generator, quasi)
        if self.spec.known is None:
            return x0
        if self.rows is None:
            raise InputError(
                "this model completes images, and none were given: use model.complete(images), "
                "swflow complete, or give swflow sample a dataset by --complete."
            )
        chosen = torch.randint(len(self.rows), (n,), generator=generator)
        return held(x0, self.rows[chosen], self._held())

    def between(self, a: Tensor, b: Tensor, angle: Tensor) -> Tensor:
        """Source points between two, `(n, d)` each, with what is known of the first."""
        between = super().between(a, b, angle)
        return between if self.spec.known is None else held(between, a, self._held())

    def free(self, move: Tensor) -> Tensor:
        """A move `(n, d)` of points without what would move known pixels."""
        known = self.spec.known_coordinates
        return move if known is None else move.masked_fill(known.to(move.device), 0.0)

    def _held(self) -> Tensor:
        known = self.spec.known_coordinates
        if known is None:
            raise InputError(
                f"this {self.kind} draws whole images, and completes none: train one of a flow "
                "with known: {kind: half, side: left}."
            )
        return known
