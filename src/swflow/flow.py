"""The particle flow: the gradient flow of ½SW₂² + λ∫ρ log ρ, as an iterator of snapshots."""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from swflow.errors import InputError
from swflow.randomness import fresh_key, keyed_generator
from swflow.settings import FlowSettings
from swflow.settings.stability import growth_of_mean
from swflow.sliced import (
    carried_velocity,
    random_directions,
    sliced_velocity,
)


@dataclass(frozen=True)
class Snapshot:
    """The flow at one stored time.

    time: flow time τ = t/d. particles: `(n, d)`. drift: `(n, d)`, `sliced_velocity` at the
    particles. twin: for entropy > 0, `(n, d)`, the deterministic partner of the noisy particles.
    carried: `(k, d)`, massless points that ride along (with the twin, where there is one).
    current: for entropy > 0, `(n, d)`, a noisy observation of the current velocity v − ε∇log ρ: its
    conditional mean given the particles is that velocity (at time 0, before any noise, it is v).
    """

    time: float
    particles: Tensor
    drift: Tensor
    twin: Tensor | None = None
    carried: Tensor | None = None
    current: Tensor | None = None


@dataclass(frozen=True)
class Step:
    """One step of the integrator, from `time` over `size`; `stored` if it ends on a stored time."""

    time: float
    size: float
    stored: bool


def step_schedule(settings: FlowSettings) -> list[Step]:
    """The steps from time 0 to the horizon, shortened evenly to hit each stored time."""
    steps = []
    times = settings.stored_times()
    for begin, end in pairwise(times):
        time = begin
        while time < end:
            remaining = end - time
            count = math.ceil(remaining / settings.step_size(time) - 1e-9)
            size = remaining / count if count > 1 else remaining
            steps.append(Step(time, size, stored=count <= 1))
            time = end if count <= 1 else time + size
    return steps


def simulate(
    source: Tensor,
    target: Tensor,
    settings: FlowSettings,
    *,
    generator: torch.Generator,
    source_labels: Tensor | None = None,
    target_labels: Tensor | None = None,
    carried: Tensor | None = None,
    on_step: Callable[[], object] = lambda: None,
) -> Iterator[Snapshot]:
    """Simulate dX = v dτ + √(2ε) dW from `source` towards `target`; yield each stored time.

    Liutkus et al. 2019, eq. 8-9, in dimension-free units (τ = t/d, ε = d·λ). Directions are drawn
    afresh at each step. With labels, particles of a class flow to the rows of that class. For
    ε > 0 the twin Z, Z₀ = X₀, takes one sliced step towards X after each step of X.

    source: `(n, d)`; target: `(m, d)`, same dtype and device; labels: `(n,)` and `(m,)`
    integers; carried: `(k, d)` points that ride along without changing the flow (not with
    labels). `on_step` is called after each step, for progress. The result depends only on the
    arguments and the generator's state.
    Raises InputError (a ValueError) on shapes that do not match, non-finite values, unmatched
    labels, or steps that are unstable with so few directions.
    """
    _check_finite("source", source)
    _check_finite("target", target)
    if source.shape[1] != target.shape[1]:
        raise InputError(
            f"source is {tuple(source.shape)}, target {tuple(target.shape)}: dimensions differ."
        )
    classes = _match_classes(source, target, source_labels, target_labels)
    if carried is None:
        carried = source[:0]
    elif len(classes) > 1 or carried.ndim != 2 or carried.shape[1] != source.shape[1]:
        raise InputError(
            f"carried is {tuple(carried.shape)}: needed is (k, {source.shape[1]}), and no labels."
        )
    check_directions(settings, source.shape[1])
    field = _Field(target, settings, classes, fresh_key(generator))
    return _integrate(source, carried, field, on_step)


@dataclass(frozen=True)
class _Field:
    """The target, and all that decides how particles move towards it."""

    target: Tensor
    settings: FlowSettings
    classes: list[tuple[Tensor, Tensor]]
    key: int

    def stream(self, name: str, step: int) -> torch.Generator:
        return keyed_generator(self.key, name, step, device=self.target.device)

    def directions(self, name: str, step: int) -> Tensor:
        return random_directions(
            self.settings.n_directions,
            self.target.shape[1],
            orthonormal=self.settings.orthonormal,
            generator=self.stream(name, step),
            dtype=self.target.dtype,
        )

    def drift(self, x: Tensor, carried: Tensor, thetas: Tensor) -> tuple[Tensor, Tensor]:
        """Drift of particles towards the target, class by class, and of carried points."""
        return _velocity(x, self.target, thetas, self.classes, carried)

    def follow(
        self, twin: Tensor, x: Tensor, carried: Tensor, thetas: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Drift of the twin towards the particles themselves."""
        own = [(rows, rows) for rows, _ in self.classes]
        return _velocity(twin, x, thetas, own, carried)


def _integrate(
    x: Tensor, carried: Tensor, field: _Field, on_step: Callable[[], object]
) -> Iterator[Snapshot]:
    def snapshot(time: float, step: int) -> Snapshot:
        drift, _ = field.drift(x, carried[:0], field.directions("drift", step))
        current = None if twin is None else drift + kick
        # Every step makes new tensors: what was yielded is never changed.
        return Snapshot(time, x, drift, twin, carried if len(carried) else None, current)

    twin = x if field.settings.entropy > 0 else None
    kick: Tensor | float = 0.0
    yield snapshot(0.0, 0)
    for index, step in enumerate(step_schedule(field.settings)):
        thetas = field.directions("directions", index)
        noise = field.stream("noise", index)
        if twin is None:
            x, carried, _ = _advance(x, carried, field, step.size, thetas, noise)
        else:
            x, _, kick = _advance(x, carried[:0], field, step.size, thetas, noise)
            move, move_carried = field.follow(twin, x, carried, thetas)
            twin, carried = twin + move, carried + move_carried
        on_step()
        if step.stored:
            yield snapshot(step.time + step.size, index + 1)


def _advance(
    x: Tensor, carried: Tensor, field: _Field, h: float, thetas: Tensor, noise: torch.Generator
) -> tuple[Tensor, Tensor, Tensor | float]:
    """One step of size h: splitting (half noise, exact frozen drift, half noise) or Euler.

    Returns particles, carried points, and ε·(last noise)/(its variance): since that noise is
    Gaussian, the conditional mean of this given the particles is −ε∇log ρ (Tweedie's formula).
    """
    entropy = field.settings.entropy

    def kick(variance: float) -> Tensor | float:
        if not entropy:
            return 0.0
        normal = torch.randn(x.shape, generator=noise, device=x.device, dtype=x.dtype)
        return math.sqrt(variance) * normal

    euler = field.settings.integrator == "euler"
    size = h if euler else -math.expm1(-h)
    before, after = (0.0, 2 * entropy * h) if euler else (entropy * h, entropy * h)
    x = x + kick(before) if before else x
    drift, drift_carried = field.drift(x, carried, thetas)
    last = kick(after)
    observed = entropy / after * last if entropy else 0.0
    return x + size * drift + last, carried + size * drift_carried, observed


def _velocity(
    x: Tensor,
    target: Tensor,
    directions: Tensor,
    classes: list[tuple[Tensor, Tensor]],
    carried: Tensor,
) -> tuple[Tensor, Tensor]:
    if len(classes) == 1:
        return carried_velocity(x, target, directions, carried)
    drift = torch.empty_like(x)
    for rows, goals in classes:
        drift[rows] = sliced_velocity(x[rows], target[goals], directions)
    return drift, carried


def _match_classes(
    source: Tensor, target: Tensor, source_labels: Tensor | None, target_labels: Tensor | None
) -> list[tuple[Tensor, Tensor]]:
    """Row indices of source and target, class by class (one class where there are no labels)."""
    if source_labels is None and target_labels is None:
        return [(torch.arange(len(source)), torch.arange(len(target)))]
    if source_labels is None or target_labels is None:
        raise InputError("labels are needed for both source and target, or for neither.")
    for name, labels, rows in (
        ("source_labels", source_labels, source),
        ("target_labels", target_labels, target),
    ):
        if labels.shape != (len(rows),):
            raise InputError(f"{name} has shape {tuple(labels.shape)}, needed is ({len(rows)},).")
    asked, known = source_labels.unique().tolist(), target_labels.unique().tolist()
    if missing := sorted(set(asked) - set(known)):
        raise InputError(f"source_labels has {missing}, target_labels only {known}.")
    return [
        ((source_labels == label).nonzero()[:, 0], (target_labels == label).nonzero()[:, 0])
        for label in asked
    ]


def check_directions(settings: FlowSettings, dim: int) -> None:
    """Warn where the mean of θθᵀ is not I/dim; raise InputError where that makes steps unstable.

    Between the two the means of the particles are noisy, but do not diverge.
    """
    if settings.n_directions % dim == 0 and settings.orthonormal:
        return
    longest = max(step.size for step in step_schedule(settings))
    share = longest if settings.integrator == "euler" else -math.expm1(-longest)
    given = (settings.n_directions, dim, settings.orthonormal)
    if growth_of_mean(share, *given) >= 1:
        raise InputError(
            f"n_directions={settings.n_directions} in dimension {dim} is unstable with steps of "
            f"{longest:.3g} in τ: use a multiple of {dim} orthonormal ones, or lower step.max."
        )
    if settings.orthonormal:
        warnings.warn(
            f"n_directions={settings.n_directions} is not a multiple of dimension {dim}: the mean "
            f"of θθᵀ is not I/{dim}, which adds noise to every step. Use a multiple of {dim}.",
            stacklevel=3,
        )


def _check_finite(name: str, x: Tensor) -> None:
    if x.ndim != 2 or not len(x):
        raise InputError(f"{name} has shape {tuple(x.shape)}: needed is a non-empty (n, d) tensor.")
    bad = (~torch.isfinite(x)).nonzero()
    if len(bad):
        row, column = bad[0].tolist()
        raise InputError(
            f"{name} has {len(bad)} non-finite values, the first at row {row}, column {column}: "
            "remove them before simulating."
        )
