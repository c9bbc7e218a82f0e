"""Convergence: how far the flow is from its data at each stored time, and after how many steps."""

from collections.abc import Iterator

from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.spec import Condition
from swflow.schedule.steps import step_schedule

NEEDS = ("source",)
SETTINGS = ()
FLOORS: dict[str, str] = {}


def measure(subject: Subject) -> Iterator[Row]:
    """Of stored runs, as measured when they were simulated.

    sw_train, sw_heldout: SW to training and held-out rows, with the score of as many draws from
    the training rows as floor; steps: how many led there.
    """
    for entropy in subject.sampler.spec.entropies:
        run = subject.sampler.run(Condition(entropy, None))
        if run is None:
            return
        schedule, said, n = step_schedule(run.settings), run.attributes, run.shape[0]
        for index, time in enumerate(map(float, run.time)):
            steps = sum(step.time < time for step in schedule)
            measures = [Measure("steps", float(steps), n)]
            for split in ("train", "heldout"):
                value, floor = said[f"sw_{split}"][index], said[f"floor_{split}"]
                measures.append(Measure(f"sw_{split}", value, n, floor=floor))
            yield from subject.rows(Condition(entropy, time), measures)
