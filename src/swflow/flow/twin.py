"""The twin: smooth partner of a flow's particles, which has their law and is what is learned."""

import math

from swflow.schedule.steps import Step
from swflow.settings import FlowSettings


def has_twin(settings: FlowSettings) -> bool:
    """Whether the particles have a twin."""
    return settings.entropy > 0 or settings.twin == "always"


def twin_part(settings: FlowSettings, step: Step) -> float:
    """The part a of a sliced step that the twin takes, min(1, √(s·h/τ)) at the step's end.

    The law changes on the scale of log τ, but the scatter of the particles is new at each step:
    whole steps would carry it over, and the twin, which must follow the law alone, would diffuse.
    Its random walk grows as Σa², here by s in a unit of log time whatever the steps are, while it
    follows the law at the rate a·τ/h = √(s·τ/h): the more closely the finer the steps.
    """
    if settings.twin_scatter is None:
        return 1.0
    return min(1.0, math.sqrt(settings.twin_scatter * step.size / (step.time + step.size)))
