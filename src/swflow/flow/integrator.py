"""The particle flow: the gradient flow of ½SW₂² + λ∫ρ log ρ, as an iterator of snapshots."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from swflow.flow.field import ClassRows, DriftField
from swflow.flow.group import ALONE, Group
from swflow.flow.regularisers.base import check_regularisers
from swflow.flow.target import Rows, all_finite
from swflow.flow.twin import has_twin, twin_part
from swflow.randomness import fresh_key
from swflow.runtime.errors import InputError
from swflow.schedule.stability import check_directions, check_steps
from swflow.schedule.steps import Step, step_schedule
from swflow.settings import FlowSettings


@dataclass(frozen=True)
class Snapshot:
    """The flow at one stored time.

    time: flow time τ = t/d. particles: `(n, d)`. drift: `(n, d)`, `sliced_velocity` at the
    particles. twin: for entropy > 0, or always, `(n, d)`, the smooth partner of the particles.
    tracers: `(k, d)`, massless points that ride along (with the twin, where there is one).
    current: for entropy > 0, `(n, d)`, a noisy observation of the current velocity v − ε∇log ρ: its
    conditional mean given the particles is that velocity (at time 0, before any noise, it is v).
    """

    time: float
    particles: Tensor
    drift: Tensor
    twin: Tensor | None = None
    tracers: Tensor | None = None
    current: Tensor | None = None


@dataclass(frozen=True)
class State:
    """The flow after `step` steps: all that is needed to go on.

    particles, twin (where there is one): `(n, d)`; tracers: `(k, d)`.
    """

    step: int
    particles: Tensor
    tracers: Tensor
    twin: Tensor | None


def simulate(
    source: Tensor,
    target: Rows,
    settings: FlowSettings,
    *,
    generator: torch.Generator,
    source_labels: Tensor | None = None,
    target_labels: Tensor | None = None,
    event_shape: tuple[int, ...] | None = None,
    tracers: Tensor | None = None,
    tracer_labels: Tensor | None = None,
    held: Tensor | None = None,
    resume: State | None = None,
    on_step: Callable[[State], object] = lambda state: None,
    group: Group = ALONE,
) -> Iterator[Snapshot]:
    """Simulate dX = v dτ + √(2ε) dW from `source` towards `target`; yield each stored time.

    Liutkus et al. 2019, eq. 8-9, in dimension-free units (τ = t/d, ε = d·λ). Directions are drawn
    afresh at each step. With labels, particles of a class flow to the rows of that class. For
    ε > 0, or always, a twin Z, Z₀ = X₀, takes sliced steps towards X after each step of X.

    source: `(n, d)`; target: `(m, d)`, same dtype and device (a tensor, or `StoredRows`); tracers:
    `(k, d)` points that ride along without changing the flow; labels: `(n,)`, `(m,)` and `(k,)`
    integers; event_shape: what the d coordinates are, such as the pixels of an image (default:
    `(d,)`); held: `(d,)` of bool, coordinates that stay while the others flow along the drift of
    the joint laws. `on_step` is called after each step, once what it leads to was yielded, with a
    state from which the same call goes on (`resume`). `group`: processes that share the directions.
    The result depends only on the arguments and the generator's state.
    Raises InputError (a ValueError) on unfit shapes, values or labels, and on unstable steps.
    """
    dim = _check_clouds(source, target, tracers)
    if tracers is None:
        tracers, tracer_labels = source[:0], None if source_labels is None else source_labels[:0]
    clouds, labels = (source, target, tracers), (source_labels, target_labels, tracer_labels)
    _check_settings(settings, source, group)
    field = DriftField(
        target,
        target_labels,
        settings,
        _checked_shape(event_shape, dim),
        _match_classes(clouds, labels),
        fresh_key(generator),
        source.device,
        source.dtype,
        group,
        _checked_held(held, source),
    )
    begin = resume or State(0, source, tracers, source if has_twin(settings) else None)
    return _integrate(begin, field, on_step)


def _integrate(
    state: State, field: DriftField, on_step: Callable[[State], object]
) -> Iterator[Snapshot]:
    steps = step_schedule(field.settings)

    def snapshot(time: float, noise: Tensor | float) -> Snapshot:
        x, twin, tracers = state.particles, state.twin, state.tracers
        thetas = field.directions(state.step, "drift")
        drift, _ = field.drift(x, tracers[:0], state.step, thetas)
        current = drift + noise if field.settings.entropy else None
        # Every step makes new tensors: what was yielded is never changed.
        return Snapshot(time, x, drift, twin, tracers if len(tracers) else None, current)

    if state.step == 0:
        yield snapshot(0.0, 0.0)
    for step in steps[state.step :]:
        state, noise = _advance(state, field, step)
        if step.stored:
            yield snapshot(step.time + step.size, noise)
        on_step(state)


def _advance(state: State, field: DriftField, step: Step) -> tuple[State, Tensor | float]:
    """One step of size h: splitting (half noise, exact frozen drift, half noise) or Euler.

    Returns also ε·(last noise)/(its variance): since that noise is Gaussian, the conditional mean
    of this given the particles is −ε∇log ρ (Tweedie's formula). The twin takes `twin_steps` sliced
    steps towards the new particles, and tracers ride with it.
    """
    entropy, index, x, h = field.settings.entropy, state.step, state.particles, step.size
    stream = field.stream("noise", index)

    def noise(variance: float) -> Tensor | float:
        if not entropy:
            return 0.0
        normal = torch.randn(x.shape, generator=stream, device=x.device, dtype=x.dtype)
        return field.free(normal.mul_(math.sqrt(variance)))

    euler = field.settings.integrator == "euler"
    size = h if euler else -math.expm1(-h)
    before, after = (0.0, 2 * entropy * h) if euler else (entropy * h, entropy * h)
    x = x + noise(before) if before else x
    massless = state.tracers if state.twin is None else state.tracers[:0]
    thetas = field.directions(index)
    drift, drift_tracers = field.drift(x, massless, index, thetas)
    last = noise(after)
    observed = entropy / after * last if entropy else 0.0
    x = drift.mul_(size).add_(x).add_(last)
    if state.twin is None:
        return State(index + 1, x, state.tracers + size * drift_tracers, None), observed
    twin, tracers, part = state.twin, state.tracers, twin_part(field.settings, step)
    for repeat in range(field.settings.twin_steps):
        move, move_tracers = field.follow(twin, x, tracers, index, repeat, thetas)
        twin, tracers = twin + part * move, tracers + part * move_tracers
    return State(index + 1, x, tracers, twin), observed


def _check_clouds(source: Tensor, target: Rows, tracers: Tensor | None) -> int:
    """The dimension that all share. Raises InputError on other shapes and non-finite values."""
    _check_finite("source", source)
    if isinstance(target, Tensor):
        _check_finite("target", target)
    if source.shape[1] != target.shape[1]:
        raise InputError(
            f"source is {tuple(source.shape)}, target {tuple(target.shape)}: dimensions differ."
        )
    if tracers is not None and (tracers.ndim != 2 or tracers.shape[1] != source.shape[1]):
        raise InputError(
            f"tracers has shape {tuple(tracers.shape)}: needed is (k, {source.shape[1]})."
        )
    return source.shape[1]


def _check_settings(settings: FlowSettings, source: Tensor, group: Group) -> None:
    n, dim = source.shape
    check_steps(settings, settings.entropy)
    check_directions(settings, dim)
    check_regularisers(settings, n)
    shares = settings.n_directions // (dim if settings.directions.in_blocks else 1)
    if group.size > shares:
        raise InputError(
            f"{group.size} processes share n_directions = {settings.n_directions}, in {shares} "
            "parts: use fewer processes, or more directions."
        )


def _checked_shape(event_shape: tuple[int, ...] | None, dim: int) -> tuple[int, ...]:
    if event_shape is not None and math.prod(event_shape) != dim:
        raise InputError(
            f"event_shape = {tuple(event_shape)}: its sizes multiply to {math.prod(event_shape)}, "
            f"the clouds have {dim} columns."
        )
    return (dim,) if event_shape is None else tuple(event_shape)


def _checked_held(held: Tensor | None, source: Tensor) -> Tensor | None:
    if held is None:
        return None
    if held.shape != source.shape[1:] or held.dtype != torch.bool or bool(held.all()):
        raise InputError(
            f"held has shape {tuple(held.shape)} and type {held.dtype}, {int(held.sum())} of them "
            f"true: needed are bools ({source.shape[1]},), at least one of them false."
        )
    return held.to(source.device)


def _match_classes(
    clouds: tuple[Rows, Rows, Rows], labels: tuple[Tensor | None, Tensor | None, Tensor | None]
) -> list[ClassRows]:
    """Rows of source, target and tracers, class by class (one where there are no labels)."""
    names = "source_labels", "target_labels", "tracer_labels"
    missing = [name for name, found in zip(names, labels, strict=True) if found is None]
    if len(missing) == len(names):
        return [ClassRows()]
    source, target, tracers = labels
    if source is None or target is None or tracers is None:
        raise InputError(
            f"without {', '.join(missing)}: labels are needed for source, target and tracers, or "
            "for none of them."
        )
    for name, found, rows in zip(names, (source, target, tracers), clouds, strict=True):
        if found.shape != (len(rows),):
            raise InputError(f"{name} has shape {tuple(found.shape)}, needed is ({len(rows)},).")
    asked, known = source.unique().tolist(), target.unique().tolist()
    for name, wanted, there in (
        ("source_labels has", asked, known),
        ("tracer_labels has", tracers.unique().tolist(), asked),
    ):
        if strange := sorted(set(wanted) - set(there)):
            raise InputError(f"{name} {strange}, but there are only rows of {there} to follow.")
    return [
        ClassRows(*((found == label).nonzero()[:, 0] for found in (source, target, tracers)))
        for label in asked
    ]


def _check_finite(name: str, x: Tensor) -> None:
    if x.ndim != 2 or not len(x):
        raise InputError(f"{name} has shape {tuple(x.shape)}: needed is a non-empty (n, d) tensor.")
    if not all_finite(x):
        bad = (~torch.isfinite(x)).nonzero()
        row, column = bad[0].tolist()
        raise InputError(
            f"{name} has {len(bad)} non-finite values, the first at row {row}, column {column}: "
            "remove them before simulating."
        )
