"""Cost: what must be kept, at which precision, and the ways in which a flow serves samples."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import swflow
from swflow.flow.trajectory import Trajectory
from swflow.metrics import cost, timing
from swflow.metrics.cost import data_itemsize
from swflow.metrics.subject import Subject
from swflow.models.draws import Draws
from swflow.models.particles import Particles
from swflow.models.sampler import Sampler
from swflow.models.spec import Condition
from swflow.representation.dataset import Dataset
from swflow.schedule.steps import step_schedule
from swflow.settings import (
    FlowMapSettings,
    NetworkSettings,
    OptimiserSettings,
    ScoreSettings,
    SimulationSettings,
)
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from tests.helpers import run_of, values

FEW = ScoreSettings(n_timed=50, n_timings=1)


def costs(sampler: Sampler, dataset: Dataset, reference: Trajectory) -> dict[str, float]:
    """Bytes and seconds at the end of the flow."""
    end = Condition(reference.entropy, float(reference.time[-1]))
    draws = [Draws(end, np.zeros((7, 2), np.float32))]
    subject = Subject(sampler, dataset, draws, [reference], FEW, working_set_bytes=1000)
    measures = [*cost.of_condition(subject, end), *timing.of_condition(subject, end)]
    return values(measures)


def test_flow_has_three_ways_to_serve_samples(
    dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    for own, reference in zip(stores[2], stores[1], strict=True):
        found = costs(Particles(stores[2]), dataset, reference)
        wall = own.attributes["wall_seconds"]
        assert found["simulate_seconds"] == found["carried_seconds_per_1000"] == wall
        assert found["shared_seconds_per_1000"] == pytest.approx(wall)  # 1,000 particles
        assert found["seconds_per_1000"] > 0
        assert found["evaluations"] == len(step_schedule(own.settings))
        # Of 50 fresh particles alone, and of 1,000 points: SW² of samples of n and m points goes
        # as 1/n + 1/m, here to a run of 1,000, which is 10.5 times as much.
        assert 0 < found["shared_sw_few"] < found["sw_few"]
        assert 0 < found["carried_sw_few"] < found["sw_few"]


def test_model_is_stored_in_half_precision_where_that_changes_nothing(
    dataset: Dataset, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    settings = FlowMapSettings(
        network=NetworkSettings(width=16, depth=2), training=OptimiserSettings(steps=10)
    )
    train(settings, dataset, stores[0][:1], 0, tmp_path / "m", "cpu")
    model = swflow.load(tmp_path / "m")
    found = costs(model, dataset, stores[1][0])
    numbers = sum(v.numel() for v in model.tensors().values())
    assert found["stored_bytes"] == 2 * numbers
    assert found["break_even_rows"] == pytest.approx(numbers)  # rows of two bytes
    assert (found["evaluations"], found["working_set_bytes"]) == (1, 1000)
    assert {"train_seconds", "simulate_seconds", "sw_few"} <= set(found)


def test_rows_are_kept_at_the_lowest_precision_that_changes_nothing(dataset: Dataset) -> None:
    assert data_itemsize(dataset, 0) == 1
    # One row far away makes 256 even levels coarse; half precision is relative.
    rows = dataset.splits["train"]
    far = np.concatenate([rows.x, np.full((1, *rows.x.shape[1:]), 400, np.float32)])
    wide = replace(dataset, splits=dataset.splits | {"train": rows._replace(x=far, y=None)})
    close = replace(wide, splits=wide.splits | {"heldout": rows._replace(x=far + 1e-3, y=None)})
    assert data_itemsize(close, 0) in (2, 4)


def test_real_rows_cost_nothing(dataset: Dataset, stores: list[list[Trajectory]]) -> None:
    from swflow.models.heldout_rows import HeldoutRows

    assert costs(HeldoutRows(dataset), dataset, stores[1][0]) == {}


def test_a_sketch_of_fixed_directions_keeps_its_quantiles_alone(
    dataset: Dataset, tmp_path: Path
) -> None:
    kept = {}
    for redraw in (False, True):
        settings = SimulationSettings(
            transport="sketch", redraw=redraw, n_quantiles=10, n_directions=4, times=[1], step=0.5
        )
        path = tmp_path / f"{redraw}.zarr"
        simulate_dataset(dataset, settings, 0, path, "cpu")
        store = run_of(path)
        kept[redraw] = costs(Particles([store]), dataset, store)["stored_bytes"]
    assert kept[False] == 4 * 4 * (2 + 10)
    assert kept[True] == 150 * dataset.dim * data_itemsize(dataset, 0)
