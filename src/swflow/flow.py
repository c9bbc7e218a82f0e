"""The particle flow: the gradient flow of ½SW₂² + λ∫ρ log ρ, as an iterator of snapshots."""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from swflow.distributed import ALONE, Group
from swflow.errors import InputError
from swflow.field import ClassRows, Field
from swflow.randomness import fresh_key
from swflow.settings import FlowSettings
from swflow.settings.stability import longest_stable_step
from swflow.targets import Rows


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


@dataclass(frozen=True)
class State:
    """The flow after `step` steps: all that is needed to go on.

    particles, twin (for entropy > 0): `(n, d)`; carried: `(k, d)`.
    """

    step: int
    particles: Tensor
    carried: Tensor
    twin: Tensor | None


def simulate(
    source: Tensor,
    target: Rows,
    settings: FlowSettings,
    *,
    generator: torch.Generator,
    source_labels: Tensor | None = None,
    target_labels: Tensor | None = None,
    carried: Tensor | None = None,
    carried_labels: Tensor | None = None,
    resume: State | None = None,
    on_step: Callable[[State], object] = lambda state: None,
    group: Group = ALONE,
) -> Iterator[Snapshot]:
    """Simulate dX = v dτ + √(2ε) dW from `source` towards `target`; yield each stored time.

    Liutkus et al. 2019, eq. 8-9, in dimension-free units (τ = t/d, ε = d·λ). Directions are drawn
    afresh at each step. With labels, particles of a class flow to the rows of that class. For
    ε > 0 the twin Z, Z₀ = X₀, takes sliced steps towards X after each step of X.

    source: `(n, d)`; target: `(m, d)`, same dtype and device (a tensor, or `StoredRows`); carried:
    `(k, d)` points that ride along without changing the flow; labels: `(n,)`, `(m,)` and `(k,)`
    integers. `on_step` is called after each step, once what it leads to was yielded, with
    a state from which the same call goes on (`resume`). `group`: processes that share the
    directions. The result depends only on the arguments and the generator's state.
    Raises InputError (a ValueError) on shapes that do not match, non-finite values, unmatched
    labels, or steps that are unstable with so few directions.
    """
    _check_finite("source", source)
    if isinstance(target, Tensor):
        _check_finite("target", target)
    if source.shape[1] != target.shape[1]:
        raise InputError(
            f"source is {tuple(source.shape)}, target {tuple(target.shape)}: dimensions differ."
        )
    if carried is None:
        carried = source[:0]
        carried_labels = None if source_labels is None else source_labels[:0]
    elif carried.ndim != 2 or carried.shape[1] != source.shape[1]:
        raise InputError(
            f"carried has shape {tuple(carried.shape)}: needed is (k, {source.shape[1]})."
        )
    labels = source_labels, target_labels, carried_labels
    classes = _match_classes((source, target, carried), labels)
    if source_labels is not None and settings.target_batch is not None:
        raise InputError("target_batch and labels exclude each other: leave one of them out.")
    check_directions(settings, source.shape[1])
    shares = settings.n_directions
    if settings.directions == "structured":
        shares //= source.shape[1]
    if group.size > shares:
        raise InputError(
            f"{group.size} processes share n_directions = {settings.n_directions}, in {shares} "
            "parts: use fewer processes, or more directions."
        )
    field = Field(
        target, settings, classes, fresh_key(generator), source.device, source.dtype, group
    )
    begin = State(0, source, carried, source if settings.entropy > 0 else None)
    return _integrate(begin if resume is None else resume, field, on_step)


def _integrate(
    state: State, field: Field, on_step: Callable[[State], object]
) -> Iterator[Snapshot]:
    steps = step_schedule(field.settings)

    def snapshot(time: float, kick: Tensor | float) -> Snapshot:
        x, twin, carried = state.particles, state.twin, state.carried
        thetas = field.directions(state.step, "drift")
        drift, _ = field.drift(x, carried[:0], state.step, thetas)
        current = None if twin is None else drift + kick
        # Every step makes new tensors: what was yielded is never changed.
        return Snapshot(time, x, drift, twin, carried if len(carried) else None, current)

    if state.step == 0:
        yield snapshot(0.0, 0.0)
    for step in steps[state.step :]:
        state, kick = _advance(state, field, step.size)
        if step.stored:
            yield snapshot(step.time + step.size, kick)
        on_step(state)


def _advance(state: State, field: Field, h: float) -> tuple[State, Tensor | float]:
    """One step of size h: splitting (half noise, exact frozen drift, half noise) or Euler.

    Returns also ε·(last noise)/(its variance): since that noise is Gaussian, the conditional mean
    of this given the particles is −ε∇log ρ (Tweedie's formula). The twin takes `twin_steps` sliced
    steps towards the new particles, and carried points ride with it.
    """
    entropy, index, x = field.settings.entropy, state.step, state.particles
    noise = field.stream("noise", index)

    def kick(variance: float) -> Tensor | float:
        if not entropy:
            return 0.0
        normal = torch.randn(x.shape, generator=noise, device=x.device, dtype=x.dtype)
        return normal.mul_(math.sqrt(variance))

    euler = field.settings.integrator == "euler"
    size = h if euler else -math.expm1(-h)
    before, after = (0.0, 2 * entropy * h) if euler else (entropy * h, entropy * h)
    x = x + kick(before) if before else x
    riding = state.carried if state.twin is None else state.carried[:0]
    thetas = field.directions(index)
    drift, drift_carried = field.drift(x, riding, index, thetas)
    last = kick(after)
    observed = entropy / after * last if entropy else 0.0
    x = drift.mul_(size).add_(x).add_(last)
    if state.twin is None:
        return State(index + 1, x, state.carried + size * drift_carried, None), observed
    twin, carried = state.twin, state.carried
    for repeat in range(field.settings.twin_steps):
        move, move_carried = field.follow(twin, x, carried, index, repeat, thetas)
        twin, carried = twin + move, carried + move_carried
    return State(index + 1, x, carried, twin), observed


def _match_classes(
    clouds: tuple[Rows, Rows, Rows], labels: tuple[Tensor | None, Tensor | None, Tensor | None]
) -> list[ClassRows]:
    """Rows of source, target and carried points, class by class (one where there are no labels)."""
    names = "source_labels", "target_labels", "carried_labels"
    missing = [name for name, found in zip(names, labels, strict=True) if found is None]
    if len(missing) == len(names):
        return [ClassRows()]
    source, target, carried = labels
    if source is None or target is None or carried is None:
        raise InputError(
            f"without {', '.join(missing)}: labels are needed for source, target and carried "
            "points, or for none of them."
        )
    for name, found, rows in zip(names, (source, target, carried), clouds, strict=True):
        if found.shape != (len(rows),):
            raise InputError(f"{name} has shape {tuple(found.shape)}, needed is ({len(rows)},).")
    asked, known = source.unique().tolist(), target.unique().tolist()
    for name, wanted, there in (
        ("source_labels has", asked, known),
        ("carried_labels has", carried.unique().tolist(), asked),
    ):
        if strange := sorted(set(wanted) - set(there)):
            raise InputError(f"{name} {strange}, but there are only rows of {there} to follow.")
    return [
        ClassRows(*((found == label).nonzero()[:, 0] for found in (source, target, carried)))
        for label in asked
    ]


def check_directions(settings: FlowSettings, dim: int) -> None:
    """Warn where the mean of θθᵀ is not I/dim; raise InputError where that makes steps unstable.

    Between the two the means of the particles are noisy, but do not diverge.
    """
    orthonormal = settings.directions != "independent"
    if settings.directions == "structured" and settings.n_directions % dim:
        raise InputError(
            f"n_directions = {settings.n_directions}: structured directions come in blocks of the "
            f"dimension; use a multiple of {dim}."
        )
    if settings.n_directions % dim == 0 and orthonormal:
        return
    longest = max(step.size for step in step_schedule(settings))
    allowed = longest_stable_step(settings.n_directions, dim, orthonormal, settings.integrator)
    if longest >= allowed:
        raise InputError(
            f"n_directions={settings.n_directions} in dimension {dim} is unstable with steps of "
            f"{longest:.3g} in τ, {allowed:.3g} and longer: use a multiple of {dim} orthonormal "
            "ones, or lower step.max."
        )
    if orthonormal:
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
