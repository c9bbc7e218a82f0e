"""Setup: what a flow was made with, as numbers by which tables tell flows apart."""

from collections.abc import Iterator

from swflow.metrics.names import STRENGTH
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.spec import Condition
from swflow.schedule.steps import longest_size, stored_times
from swflow.settings import SimulationSettings

NEEDS = ("source",)
SETTINGS = ()
FLOORS: dict[str, str] = {}


def measure(subject: Subject) -> Iterator[Row]:
    """Of stored runs, what all entropies share: dim, coordinates of a point; and see `setup`."""
    run = subject.sampler.run(Condition(None, None))
    if run is not None:
        numbers = (setup(run.settings) | {"dim": run.shape[1]}).items()
        measures = [Measure(name, float(value), run.shape[0]) for name, value in numbers]
        yield from subject.rows(Condition(None, None), measures)


def setup(settings: SimulationSettings) -> dict[str, float]:
    """Numbers of a simulation by name.

    strength_…: parameters of what regularises beside the entropy; n_particles; horizon; by_class: 1
    class by class; quasi: 1 from evenly spread source points; target_batch, where the target is
    drawn afresh; directions_… and step_…: directions of a step and the longest step in τ, by the
    kind of each.
    """
    drawn = "" if settings.redraw else "fixed_"
    found = {STRENGTH + kind: value for kind, value in settings.strengths.items()}
    found |= {"n_particles": settings.n_particles, "by_class": float(settings.labels)}
    found["quasi"] = float(settings.quasi)
    found["horizon"] = stored_times(settings)[-1]
    found[f"directions_{drawn}{settings.directions.kind}"] = settings.n_directions
    found[f"step_{settings.integrator}"] = longest_size(settings)
    if settings.target_batch is not None:
        found["target_batch"] = settings.target_batch
    return found
