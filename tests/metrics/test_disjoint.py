"""Disjoint: how far apart two models carry the same points that learned no row in common."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from swflow.datasets.make import RawRows
from swflow.flow.trajectory import Trajectory
from swflow.metrics.disjoint import apart, measure
from swflow.metrics.subject import Subject
from swflow.models.draws import sampling_conditions, stored_draws
from swflow.models.sampler import Sampler
from swflow.report.tables import disjoint
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import FlowMapSettings, ScoreSettings, SimulationSettings
from swflow.stages.loading import load, open_sampler
from swflow.stages.prepare import write_splits
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from tests.helpers import TINY_FLOW, run_of

SIZES = ScoreSettings(n_memorisation=300)


def two_classes(n: int, seed: int) -> RawRows:
    rng, y = np.random.default_rng(seed), np.arange(n) % 2
    return RawRows(rng.normal(size=(n, 3)) * [1, 0.5, 0.2] + 4 * y[:, None], y)


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Dataset]]:
    """Two datasets with other training rows, of which the second has a few more of a class."""
    folder = tmp_path_factory.mktemp("halves")
    common = {"heldout": two_classes(200, 8), "test": two_classes(200, 9)}
    found = []
    for name, seed in (("first", 0), ("second", 1)):
        rows = two_classes(200, seed)
        if seed:
            rows = replace(rows, x=rows.x[:-7], y=rows.y[:-7] if rows.y is not None else None)
        write_splits({"train": rows, **common}, name, folder / f"{name}.h5")
        found.append(read_dataset(folder / f"{name}.h5"))
    return folder, found


@pytest.fixture(scope="module")
def runs(halves: tuple[Path, list[Dataset]]) -> list[Trajectory]:
    folder, datasets = halves
    settings = SimulationSettings(
        labels=True, **TINY_FLOW | {"n_times": 3, "horizon": 30, "n_directions": 30}
    )
    for dataset in datasets:
        simulate_dataset(dataset, settings, 0, folder / f"{dataset.name}.zarr", "cpu")
    return [run_of(folder / f"{dataset.name}.zarr") for dataset in datasets]


@pytest.fixture(scope="module")
def models(halves: tuple[Path, list[Dataset]], runs: list[Trajectory]) -> list[Sampler]:
    folder, datasets = halves
    settings = FlowMapSettings(network={"width": 32, "depth": 2}, training={"steps": 300})
    for dataset, run in zip(datasets, runs, strict=True):
        train(settings, dataset, [run], 0, folder / dataset.name, "cpu")
    return [load(folder / dataset.name) for dataset in datasets]


def flows(runs: Sequence[Trajectory]) -> list[Sampler]:
    return [open_sampler([run.store.path]) for run in runs]


def measured(samplers: Sequence[Sampler], dataset: Dataset, **sizes: int) -> pd.DataFrame:
    """The last time's, as rows of a study's metrics."""
    first, second = samplers
    draws = list(stored_draws(first, 50, sampling_conditions(first), 0))
    settings = SIZES.model_copy(update=sizes)
    subject = Subject(first, dataset, draws, settings=settings, disjoint=second)
    found = pd.DataFrame(measure(subject))
    return found.assign(dataset="a", teacher="f", model="m", seed=0)


def test_one_map_is_not_apart_and_unrelated_points_are() -> None:
    rng = np.random.default_rng(0)
    x, label = rng.normal(size=(4000, 2)), np.arange(4000) % 2
    x += 10 * label[:, None]  # classes tell nothing of agreement
    assert apart(x, x, label) == 0
    shuffled = x.copy()
    for known in (0, 1):
        shuffled[label == known] = rng.permutation(x[label == known])
    # A mean of 4,000 squares of two numbers: within 4/√4000.
    assert apart(x, shuffled, label) == pytest.approx(1, abs=0.06)
    assert apart(x, x + rng.normal(size=x.shape), label) == pytest.approx(np.sqrt(1 / 3), abs=0.03)


def test_the_same_flow_and_model_are_not_apart(
    halves: tuple[Path, list[Dataset]], runs: list[Trajectory], models: list[Sampler]
) -> None:
    for sampler in (flows(runs)[0], models[0]):
        found = measured([sampler, sampler], halves[1][0]).set_index("metric")["value"]
        assert found["apart"] == 0


def test_flows_of_other_rows_agree_in_part_and_copy_none_of_these(
    halves: tuple[Path, list[Dataset]], runs: list[Trajectory], models: list[Sampler]
) -> None:
    """At τ = 30 the flow has copied its rows: of one half, not of the other."""
    first = halves[1][0]
    for samplers in (flows(runs), models):
        found = measured(samplers, first).set_index("metric")["value"]
        assert 0.02 < found["apart"] < 0.6
        assert abs(found["other_copied"]) < 3 * found["other_copied_error"]
    itself = measured(flows([runs[0], runs[0]]), first).set_index("metric")["value"]
    assert itself["other_copied"] > 3 * itself["other_copied_error"]
    assert itself["other_copied"] > 0.5


def test_flows_of_other_seeds_are_refused(
    halves: tuple[Path, list[Dataset]], runs: list[Trajectory]
) -> None:
    folder, (first, second) = halves
    other = folder / "other.zarr"
    simulate_dataset(second, runs[1].settings, 1, other, "cpu")
    with pytest.raises(
        InputError, match=r"first and second: of 300 source points only \d+ are the"
    ):
        measured([flows(runs)[0], open_sampler([other])], first)


def test_table_has_a_row_for_each_time(
    halves: tuple[Path, list[Dataset]], runs: list[Trajectory]
) -> None:
    found = measured(flows(runs), halves[1][0], generation_stride=1)
    table = disjoint.table(found)
    assert len(table) == len(found["time"].unique()) == 2
    assert table["apart"].is_monotonic_increasing  # from the source points, which are the same
    assert table["other_copied_low"].iloc[-1] < table["other_copied"].iloc[-1]
    assert disjoint.table(found[found["metric"] != "apart"]).empty
