"""Rounds: what a network makes of source points, carried on by the flow, and learned from."""

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn

from swflow.flow.integrator import simulate
from swflow.flow.trajectory import Trajectory
from swflow.models.pairs import Batch
from swflow.models.source_model import BATCH_ROWS
from swflow.models.spec import ModelSpec
from swflow.randomness import keyed_generator
from swflow.schedule.stability import longest_stable_step
from swflow.settings import FlowSettings, OptimiserSettings, RoundsSettings, StepSchedule
from swflow.training.loop import TrainingRun, arithmetic

# Where a network maps inputs `(b, d)` under conditions `(b, c)`.
Predict = Callable[[nn.Module, Tensor, Tensor], Tensor]
# The conditions `(b, c)` of numbers of runs, time pairs and rows, `(b,)` each.
Conditions = Callable[[Tensor, Tensor, Tensor], Tensor]


class Rounds:
    """Pairs of source points and where the flow takes what the averaged network makes of them.

    In mean square a network averages what it cannot tell apart, and ends between particles, off
    their law. Carried back to that law by the flow its points move little: such pairs it can
    follow, and their goals have the law. The last `part` of the steps are shared by the rounds. In
    each, source points of every run are mapped to every learned time, and go along the flow's
    directions, class by class where it does, towards the particles of that time.
    """

    def __init__(
        self,
        settings: RoundsSettings,
        optimiser: OptimiserSettings,
        spec: ModelSpec,
        runs: Sequence[Trajectory],
        indices: Sequence[int],
        predict: Predict,
        conditions: Conditions,
        training: TrainingRun,
    ) -> None:
        self.settings, self.optimiser, self.training = settings, optimiser, training
        self.spec, self.runs, self.later = spec, runs, indices[1:]
        self.predict, self.conditions = predict, conditions
        self.first = settings.first(optimiser.steps)
        shared = optimiser.steps - self.first
        self.beginnings = {
            self.first + shared * k // settings.number for k in range(settings.number)
        }
        self.row = torch.empty(0, dtype=torch.long)
        self.inputs = self.goals = torch.empty(0)  # (runs, n, d), (runs, times, n, d)

    def begins(self, step: int) -> bool:
        """Whether a round begins before a step."""
        return step in self.beginnings

    def begin(self, network: nn.Module, step: int) -> None:
        """Map and carry the source points of a round."""
        n, dim = self.runs[0].shape
        size, device = min(n, self.settings.n_points), self.training.device
        generator = keyed_generator(self.training.seed, "rounds", step)
        self.row = torch.randperm(n, generator=generator)[:size]
        clouds = [torch.from_numpy(run.particles(0)[self.row.numpy()]) for run in self.runs]
        self.inputs = torch.stack(clouds).to(device)
        self.goals = torch.empty(len(self.runs), len(self.later), size, dim, device=device)
        for number in range(len(self.runs)):
            for pair in range(len(self.later)):
                made = self._made(network, number, pair)
                self.goals[number, pair] = self._carried(made, number, pair, step)

    def batch(self, size: int, generator: Generator) -> Batch:
        """Pairs of the round, drawn evenly over runs, times and points."""
        run = torch.randint(len(self.runs), (size,), generator=generator)
        place = torch.randint(len(self.row), (size,), generator=generator)
        pair = torch.randint(len(self.later), (size,), generator=generator)
        row = self.row[place]
        run, place, pair = (index.to(self.training.device) for index in (run, place, pair))
        return Batch(self.inputs[run, place], self.goals[run, pair, place], run, pair, row)

    @torch.no_grad()
    def _made(self, network: nn.Module, number: int, pair: int) -> Tensor:
        """What the network makes of the source points of a run at a time."""
        inputs, device, made = self.inputs[number], self.inputs.device, []
        size = BATCH_ROWS[device.type]
        for x, row in zip(inputs.split(size), self.row.split(size), strict=True):
            run, of = (torch.full((len(x),), index, device=device) for index in (number, pair))
            with arithmetic(self.optimiser, device):
                made.append(self.predict(network, x, self.conditions(run, of, row)).float())
        return torch.cat(made)

    def _carried(self, made: Tensor, number: int, pair: int, step: int) -> Tensor:
        """Points `(n, d)` after the flow's steps towards the particles of a run at a time."""
        run, device = self.runs[number], made.device
        label = None if run.label is None else torch.from_numpy(run.label)
        key = self.training.seed, "carried on", step, number, pair
        *_, last = simulate(
            made,
            torch.from_numpy(run.particles(self.later[pair])).to(device),
            towards_particles(run.settings, self.settings.n_steps, made.shape[1]),
            generator=keyed_generator(*key, device=device),
            source_labels=None if label is None else label[self.row].to(device),
            target_labels=None if label is None else label.to(device),
            event_shape=self.spec.units.event_shape,
            held=self.spec.known_coordinates,
        )
        return last.particles


def towards_particles(settings: FlowSettings, n_steps: int, dim: int) -> FlowSettings:
    """A flow of so many steps, along the same directions, to a law that is given.

    Of size 1, or half of what is stable with few or independent directions.
    """
    n, kind = settings.n_directions, settings.directions
    step = min(1.0, longest_stable_step(n, dim, kind.uncorrelated, "splitting") / 2)
    return FlowSettings(
        times=(step * n_steps,),
        step=StepSchedule(initial=step, growth=0.0, max=step),
        directions=kind,
        n_directions=n,
    )
