"""Rounds: when they begin, and the flow that carries what a network makes."""

import warnings
from pathlib import Path

import pytest

from swflow.flow.trajectory import Trajectory
from swflow.models.rounds import towards_particles
from swflow.representation.dataset import Dataset
from swflow.schedule.stability import check_directions
from swflow.schedule.steps import step_schedule
from swflow.settings import FlowMapSettings, RoundsSettings, SimulationSettings
from swflow.stages.train import train


def test_streamed_rows_have_all_been_there_before_rounds_begin(
    stores: list[list[Trajectory]],
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pairs are drawn up to the first round alone: blocks are to pass through by then."""
    asked = []

    def made(*of: object, steps: int, **more: object) -> None:
        asked.append(steps)
        raise RuntimeError("made")

    monkeypatch.setattr("swflow.models.conditioned.PairDataset", made)
    for rounds in (None, RoundsSettings(part=0.4)):
        settings = FlowMapSettings(training={"steps": 1000}, rounds=rounds)
        with pytest.raises(RuntimeError, match="made"):
            train(settings, dataset, stores[0][:1], 0, tmp_path / "map", "cpu")
    assert asked == [1000, 600]


@pytest.mark.parametrize(
    ("kind", "n", "whole"),
    [
        ("orthonormal", 128, False),
        ("orthonormal", 784, True),
        ("orthonormal", 1000, True),
        ("independent", 128, False),
    ],
)
def test_rounds_take_steps_that_are_stable(kind: str, n: int, whole: bool) -> None:
    flow = SimulationSettings(horizon=1, n_directions=n, directions=kind)
    chosen = towards_particles(flow, 50, 784)
    with warnings.catch_warnings(action="ignore"):
        check_directions(chosen, 784)
    assert (chosen.step.max == 1) == whole
    assert len(step_schedule(chosen)) == 50
