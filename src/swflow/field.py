"""What moves particles: the target, its directions and transport, at every step of a flow."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from swflow.distributed import ALONE, Group
from swflow.randomness import keyed_generator
from swflow.settings import FlowSettings
from swflow.sliced import (
    Exact,
    Histogram,
    Sketch,
    StructuredDirections,
    Transport,
    drift,
    random_directions,
)
from swflow.sliced.blocks import Directions
from swflow.sliced.velocity import EXACT, target_goals
from swflow.targets import Rows, fresh_subset

EVERY = slice(None)


class ClassRows(NamedTuple):
    """Rows that belong together: those of one label, or all."""

    particles: Tensor | slice = EVERY
    target: Tensor | slice = EVERY
    carried: Tensor | slice = EVERY


@dataclass(frozen=True)
class Field:
    """The velocity of particles, and of their twin, at each step.

    target: `(m, d)`; classes: the rows of each class; key: of every random number; group: the
    processes that share the directions.
    """

    target: Rows
    settings: FlowSettings
    classes: list[ClassRows]
    key: int
    device: torch.device
    dtype: torch.dtype
    group: Group = ALONE
    kept: dict[int, Tensor] = field(default_factory=dict)

    def stream(self, name: str, step: int) -> torch.Generator:
        """Random numbers for one purpose at one step."""
        return keyed_generator(self.key, name, step, device=self.device)

    def directions(self, step: int, purpose: str = "directions") -> Directions:
        """Those of one step, for one purpose: fresh, or the one fixed set."""
        return self._fresh(purpose, step) if self.settings.redraw else self._fixed

    def drift(
        self, x: Tensor, carried: Tensor, step: int, thetas: Directions
    ) -> tuple[Tensor, Tensor]:
        """Drift of particles towards the target of a step, and of carried points."""
        transport = chosen_transport(self.settings)
        # Quantiles along fixed directions are small, and then all that is needed of the target.
        keep = isinstance(transport, Sketch) and not self.settings.redraw
        target = None if keep and self.kept else self._target(step)
        return self._by_class(x, target, thetas, self.classes, carried, transport, keep)

    def follow(
        self,
        twin: Tensor,
        x: Tensor,
        carried: Tensor,
        step: int,
        repeat: int,
        thetas: Directions,
    ) -> tuple[Tensor, Tensor]:
        """Drift of the twin towards the particles themselves: exact, along fresh directions.

        thetas: the particles' own of this step, which serve the first time.
        """
        own = [rows._replace(target=rows.particles) for rows in self.classes]
        if repeat or not self.settings.redraw:
            thetas = self._fresh(f"twin{repeat}" if repeat else "directions", step)
        return self._by_class(twin, x, thetas, own, carried, EXACT)

    @cached_property
    def _fixed(self) -> Directions:
        return self._fresh("directions", 0)

    def _fresh(self, purpose: str, step: int) -> Directions:
        n, dim, kind = self.settings.n_directions, self.target.shape[1], self.settings.directions
        generator = self.stream(purpose, step)
        if kind == "structured":
            return StructuredDirections.random(n, dim, generator, self.dtype)
        return random_directions(
            n, dim, orthonormal=kind == "orthonormal", generator=generator, dtype=self.dtype
        )

    def _target(self, step: int) -> Tensor:
        size = self.settings.target_batch
        if size is None:
            return self.target[0 : len(self.target)]
        return fresh_subset(self.target, size, self.stream("target", step))

    def _by_class(
        self,
        x: Tensor,
        target: Tensor | None,
        thetas: Directions,
        classes: list[ClassRows],
        carried: Tensor,
        transport: Transport,
        keep: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Drift along all directions, of which each process takes a share, class by class."""
        mine = self.group.share(thetas)
        moved, moved_carried = torch.empty_like(x), torch.empty_like(carried)
        for label, rows in enumerate(classes):
            part, towards = x[rows.particles], None if target is None else target[rows.target]
            riding = carried[rows.carried] if len(carried) else carried
            if keep and label not in self.kept:
                assert towards is not None
                self.kept[label] = target_goals(towards, mine, len(part), transport)
            goals = self.kept[label] if keep else None
            own, own_carried = drift(part, towards, mine, riding, transport=transport, goals=goals)
            if len(classes) == 1:
                moved, moved_carried = own, own_carried
                continue
            moved[rows.particles] = own
            if len(carried):
                moved_carried[rows.carried] = own_carried
        share = len(mine) / len(thetas)
        return self.group.mean(moved, share), self.group.mean(moved_carried, share)


def chosen_transport(settings: FlowSettings) -> Transport:
    """The transport along a direction that settings name."""
    if settings.transport == "sketch":
        return Sketch(settings.n_quantiles)
    if settings.transport == "histogram":
        return Histogram(settings.n_bins)
    return Exact()
