"""The time stage: seconds of drawing samples, by a job that has the machine to itself."""

from collections.abc import Sequence
from pathlib import Path

from swflow.metrics.subject import Subject
from swflow.metrics.timing import measure
from swflow.models.draws import sampling_conditions
from swflow.settings import ScoreSettings
from swflow.stages.score import Inputs, records
from swflow.store.scores import write_scores


def time_draws(
    inputs: Inputs, entropies: Sequence[float], settings: ScoreSettings, seed: int, out: Path
) -> None:
    """Time draws at the end of the flow, at some entropies (default: all that were learned)."""
    sampler = inputs.sampler
    subject = Subject(sampler, inputs.dataset, references=inputs.runs, settings=settings, seed=seed)
    conditions = sampling_conditions(sampler, entropies, times=sampler.spec.times[-1:])
    write_scores(out, records(list(measure(subject, conditions))))
