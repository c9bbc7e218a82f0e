"""Samplers: anything that can be drawn from at a time, an entropy and a class."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from numbers import Integral
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Generator, Tensor, nn

from swflow.flow.trajectory import Trajectory
from swflow.models.spec import Condition, Drawn, ModelSpec, listed
from swflow.runtime.errors import InputError

# From a time τ to where points are then, `(n, d)` in model units.
Journey = Callable[[float], Tensor]


class Sampler(ABC):
    """Draws of a law at any time and entropy it knows; a row of the tables of scores.

    n_rows: how many draws there are, where each comes once; device: where networks run, and flows
    of fresh particles.
    """

    kind: ClassVar[str]
    spec: ModelSpec
    n_rows: int | None = None
    device: str = "cpu"

    @property
    @abstractmethod
    def identity(self) -> Any:
        """What it was made of, as JSON: equal for samplers of the same numbers."""

    @property
    def passes(self) -> tuple[int, ...]:
        """The numbers of passes at which draws are scored."""
        return (1,)

    @abstractmethod
    def draw(
        self, n: int, condition: Condition, generator: Generator, quasi: bool = False
    ) -> Drawn:
        """Draw n under a condition that was checked."""

    def to(self, device: str) -> Self:
        """The same sampler, at work on a device; draws come back to the CPU.

        `transport` and `complete` give points back where they came from.
        """
        self.device = device
        for part in vars(self).values():
            if isinstance(part, nn.Module):
                part.to(device)
        return self

    def large_sample(self, n: int, condition: Condition, generator: Generator) -> Tensor:
        """About n draws `(·, d)` that stand for the law, with as little scatter as there can be."""
        return self.draw(n, condition, generator).x

    def completing(self, rows: Tensor) -> Self:
        """The same, whose draws complete known pixels of rows `(k, d)` where it completes any."""
        return self

    def run(self, condition: Condition) -> Trajectory | None:
        """The stored run behind the draws, where they are its particles."""
        return None

    def mapped_pairs(
        self, n: int, condition: Condition, generator: Generator
    ) -> tuple[Tensor, Tensor] | None:
        """About n source points and where they are carried, both `(·, d)`; None where none are."""
        return None

    def journey(self, n: int, condition: Condition, generator: Generator) -> Journey:
        """Where n points are at any time up to the horizon. Raises InputError where they rest."""
        raise InputError(f"{self.kind} does not move: give a network or the stores of a flow.")

    def sample(
        self,
        n: int,
        *,
        time: float | None = None,
        entropy: float | None = None,
        label: int | None = None,
        passes: int = 1,
        quasi: bool = False,
        generator: Generator | None = None,
    ) -> Tensor:
        """Draw `n` samples in data units, `(n, *event_shape)`.

        time: flow time τ (default: the end of the flow). entropy: ε (default: the first
        learned). label: class (default: all, in their shares of the data). quasi: from scrambled
        Sobol source points. Raises ValueError for a control that this kind lacks, or a value
        outside what it was trained on.
        """
        if not isinstance(n, Integral) or n < 1:
            raise InputError(f"n={n}: at least 1 sample must be asked for, as a whole number.")
        condition = self.check(time, entropy, label, passes)
        generator = generator if generator is not None else torch.default_generator
        return self.to_data(self.draw(n, condition, generator, quasi).x)

    def to_data(self, x: Tensor) -> Tensor:
        """`(n, d)` in model units -> `(n, *event_shape)` in data units."""
        return torch.from_numpy(self.spec.units.decode(x.cpu().numpy()))

    def check(
        self, time: float | None, entropy: float | None, label: int | None, passes: int
    ) -> Condition:
        """Fill defaults and refuse what this kind lacks. Raises InputError."""
        self.check_label(label)
        self.check_passes(passes)
        entropy = self._known("entropy", entropy, self.spec.entropies[:1], self.check_entropy)
        time = self._known("time", time, self.spec.times[-1:], self.check_time)
        return Condition(entropy, time, passes, label)

    def _known(
        self,
        name: str,
        value: float | None,
        default: tuple[float, ...],
        check: Callable[[float], None],
    ) -> float | None:
        """A value that was checked, or the default; None where this kind knows none."""
        if value is None:
            return default[0] if default else None
        if not default:
            raise InputError(f"{name}={value:g}: a {self.kind} knows no {name}; leave it out.")
        check(float(value))
        return float(value)

    def choose_labels(
        self, n: int, condition: Condition, generator: Generator, quasi: bool = False
    ) -> Tensor | None:
        """The class of each of n draws: that of the condition, or at random by their shares.

        quasi: as many of each class as its share says, in order.
        """
        if not self.spec.labels:
            return None
        if condition.label is not None:
            return torch.full((n,), condition.label)
        shares = torch.tensor(self.spec.label_shares, dtype=torch.float64)
        if quasi:
            within = (torch.arange(n) + 0.5) / n
            chosen = torch.searchsorted(shares.cumsum(0), within).clamp(max=len(shares) - 1)
        else:
            chosen = torch.multinomial(shares, n, replacement=True, generator=generator)
        return torch.tensor(self.spec.labels)[chosen]

    def refuse_quasi(self, quasi: bool) -> None:
        """For kinds that draw no source point."""
        if quasi:
            raise InputError(f"quasi=True: {self.kind} draws no source points; use quasi=False.")

    def check_label(self, label: int | None) -> None:
        """Refuse a class that is not one of those learned."""
        known = self.spec.labels
        if label is None or label in known:
            return
        if not known:
            raise InputError(f"label={label}: this {self.kind} knows no labels; leave label out.")
        raise InputError(f"label={label}: allowed are {listed(known)}.")

    def check_passes(self, passes: int) -> None:
        """Refuse more than one pass."""
        if passes != 1:
            raise InputError(f"passes={passes}: {self.kind} maps in one pass; use passes=1.")

    def check_time(self, time: float) -> None:
        """Refuse a time that is not one of the stored ones."""
        if not np.isclose(time, self.spec.times, rtol=1e-6).any():
            raise InputError(f"time={time:g}: allowed are {listed(self.spec.times)}.")

    def check_entropy(self, entropy: float) -> None:
        """Refuse an entropy that is not one of those learned."""
        if not np.isclose(entropy, self.spec.entropies, rtol=1e-6).any():
            raise InputError(f"entropy={entropy:g}: allowed are {listed(self.spec.entropies)}.")


class Model(Sampler):
    """A sampler that was fitted, and is rebuilt from settings, spec and numbers."""

    settings: Any
    # What its folder says beside settings and spec: seed, digests, seconds spent.
    attributes: Mapping[str, Any] = MappingProxyType({})

    @property
    def identity(self) -> Any:
        """The checksum of its folder, where it was loaded from one."""
        return self.attributes.get("identity")

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The fitted numbers."""

    @classmethod
    @abstractmethod
    def rebuild(cls, settings: Any, spec: ModelSpec, tensors: dict[str, Tensor]) -> Self:
        """The model with these numbers. Raises ValueError or RuntimeError where they do not fit."""

    def with_tensors(self, tensors: dict[str, Tensor]) -> Self:
        """The same model with other numbers."""
        return type(self).rebuild(self.settings, self.spec, tensors)
