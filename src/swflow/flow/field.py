"""What moves particles: the target, its directions and plans, at every step of a flow."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from swflow.flow.group import ALONE, Group
from swflow.flow.regularisers.base import Regulariser, regularisers_of
from swflow.flow.target import Rows, class_sizes, fresh_subset, fresh_subsets
from swflow.randomness import keyed_generator
from swflow.settings import FlowSettings, implementation
from swflow.sliced.directions.base import Directions
from swflow.sliced.drift import EXACT, drift, target_goals
from swflow.sliced.plans.base import Plan

EVERY = slice(None)


class ClassRows(NamedTuple):
    """Rows that belong together: those of one label, or all."""

    particles: Tensor | slice = EVERY
    target: Tensor | slice = EVERY
    tracers: Tensor | slice = EVERY


@dataclass(frozen=True)
class DriftField:
    """The velocity of particles, and of their twin, at each step.

    target: `(m, d)` rows of events of `event_shape`, with labels `(m,)` where the flow is made
    class by class; classes: the rows of each class; key: of every random number; group: the
    processes that share the directions; held: coordinates `(d,)` that do not move. Raises
    InputError where a batch of the target is asked for that is larger than what it is drawn from.
    """

    target: Rows
    target_labels: Tensor | None
    settings: FlowSettings
    event_shape: tuple[int, ...]
    classes: list[ClassRows]
    key: int
    device: torch.device
    dtype: torch.dtype
    group: Group = ALONE
    held: Tensor | None = None
    kept: dict[int, Tensor] = field(default_factory=dict)

    def stream(self, name: str, step: int) -> torch.Generator:
        """Random numbers for one purpose at one step."""
        return keyed_generator(self.key, name, step, device=self.device)

    def directions(self, step: int, purpose: str = "directions") -> Directions:
        """Those of one step, for one purpose: fresh, or the one fixed set."""
        return self._fresh(purpose, step) if self.settings.redraw else self._fixed

    def drift(
        self, x: Tensor, tracers: Tensor, step: int, thetas: Directions
    ) -> tuple[Tensor, Tensor]:
        """Drift of particles `(n, d)` to the target of a step, and of tracers `(k, d)`."""
        # What a plan keeps along fixed directions may be small, and then is all that is needed.
        keep = self.settings.transport.condensed and not self.settings.redraw
        if keep and self.kept:
            targets: list[Tensor | None] = [None] * len(self.classes)
        else:
            targets = list(self._targets(step))
        return self._by_class(x, targets, thetas, tracers, self._plan, keep)

    def follow(
        self,
        twin: Tensor,
        x: Tensor,
        tracers: Tensor,
        step: int,
        repeat: int,
        thetas: Directions,
    ) -> tuple[Tensor, Tensor]:
        """Drift of the twin `(n, d)` to the particles x themselves: exact, along fresh directions.

        tracers: `(k, d)`, moved along; thetas: the particles' own of this step, which serve the
        first time.
        """
        if repeat or not self.settings.redraw:
            thetas = self._fresh(f"twin{repeat}" if repeat else "directions", step)
        return self._by_class(
            twin, [x[rows.particles] for rows in self.classes], thetas, tracers, EXACT
        )

    @cached_property
    def _plan(self) -> Plan:
        kind = self.settings.transport
        plan: Plan = implementation(kind)(kind)
        for regulariser in self._regularisers:
            plan = regulariser.plan(plan)
        return plan

    @cached_property
    def _regularisers(self) -> list[Regulariser]:
        return regularisers_of(self.settings)

    @cached_property
    def _fixed(self) -> Directions:
        return self._fresh("directions", 0)

    def _fresh(self, purpose: str, step: int) -> Directions:
        kind, n, shape = self.settings.directions, self.settings.n_directions, self.event_shape
        drawn: Directions = implementation(kind)(
            kind, n, shape, self.stream(purpose, step), self.dtype
        )
        return drawn

    def _targets(self, step: int) -> list[Tensor]:
        """The rows that each class flows to in a step."""
        size = self.settings.target_batch
        if size is None:
            whole = self.target[0 : len(self.target)]
            found = [whole[rows.target] for rows in self.classes]
        elif self._batches is None:
            found = [fresh_subset(self.target, size, self.stream("target", step))]
        else:
            subsets = fresh_subsets(self.target, *self._batches, self.stream("target", step))
            found = list(subsets.values())
        for number, regulariser in enumerate(self._regularisers):
            stream = self.stream(f"regulariser{number}", step)
            found = [regulariser.target(rows, stream) for rows in found]
        return found

    @cached_property
    def _batches(self) -> tuple[Tensor, dict[int, int]] | None:
        """Labels of the target, and how many rows of each class a step takes; None without."""
        if self.target_labels is None or self.settings.target_batch is None:
            return None
        label = self.target_labels.cpu()
        sizes = class_sizes(label, self.settings.target_batch)
        asked = [int(self.target_labels[rows.target][0]) for rows in self.classes]
        return label, {known: sizes[known] for known in asked}

    def _by_class(
        self,
        x: Tensor,
        targets: "list[Tensor] | list[Tensor | None]",
        thetas: Directions,
        tracers: Tensor,
        plan: Plan,
        keep: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Drift along all directions, of which each process takes a share, class by class."""
        mine = self.group.share(thetas)
        moved, moved_tracers = torch.empty_like(x), torch.empty_like(tracers)
        for number, (rows, target) in enumerate(zip(self.classes, targets, strict=True)):
            part = x[rows.particles]
            massless = tracers[rows.tracers] if len(tracers) else tracers
            if keep and number not in self.kept:
                assert target is not None
                self.kept[number] = target_goals(target, mine, len(part), plan)
            goals = self.kept[number] if keep else None
            own, own_tracers = drift(part, target, mine, massless, plan=plan, goals=goals)
            if len(self.classes) == 1:
                moved, moved_tracers = own, own_tracers
                continue
            moved[rows.particles] = own
            if len(tracers):
                moved_tracers[rows.tracers] = own_tracers
        share = len(mine) / len(thetas)
        moved, moved_tracers = (self.group.mean(of, share) for of in (moved, moved_tracers))
        return self.free(moved), self.free(moved_tracers)

    def free(self, move: Tensor) -> Tensor:
        """A move `(n, d)`, in place, without what would move coordinates that are held."""
        return move if self.held is None else move.masked_fill_(self.held, 0.0)
