"""The simulate stage: what a store says, and that the same command gives the same bytes."""

from pathlib import Path

import numpy as np
import pytest

from swflow.flow.trajectory import Trajectory
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import SimulationSettings
from swflow.stages.simulate import simulate_dataset
from swflow.store.trajectory import CLOUDS
from tests.helpers import TINY_FLOW, arrays, run_of


def simulated(dataset: Dataset, out: Path, seed: int = 0, **settings: object) -> Trajectory:
    simulate_dataset(dataset, SimulationSettings(**(TINY_FLOW | settings)), seed, out, "cpu")
    return run_of(out)


def test_same_seed_gives_the_same_arrays_and_another_does_not(
    dataset: Dataset, tmp_path: Path
) -> None:
    first, second, other = (
        simulated(dataset, tmp_path / f"{name}.zarr", seed, entropy=0.2)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    for name in CLOUDS:
        assert arrays(first)[name].tobytes() == arrays(second)[name].tobytes()
        assert not np.array_equal(arrays(first)[name][1:], arrays(other)[name][1:])


def test_store_says_what_it_is(dataset: Dataset, tmp_path: Path) -> None:
    store = simulated(dataset, tmp_path / "a.zarr", seed=5)
    said = store.attributes
    assert said["seed"] == 5
    assert said["dataset_digest"] == dataset.digest
    assert len(said["sw_train"]) == len(said["sw_heldout"]) == len(store.time) == 7
    assert said["sw_train"][-1] < 0.5 * said["sw_train"][0]
    assert said["wall_seconds"] > 0
    assert said["peak_memory_bytes"] > said["working_set_bytes"] >= 0
    assert {"swflow", "torch", "numpy", "python"} <= set(said["versions"])
    assert said["complete"] is True
    assert store.settings.n_particles == 1000


def test_classes_keep_their_proportions_and_flow_to_their_rows(
    dataset: Dataset, tmp_path: Path
) -> None:
    store = simulated(dataset, tmp_path / "a.zarr", labels=True, horizon=8)
    label = store.label
    y = dataset.splits["train"].y
    assert y is not None
    assert label is not None
    assert np.mean(label) == pytest.approx(np.mean(y), abs=1 / 1000)
    for k in (0, 1):
        target = dataset.rows("train")[y == k].mean(axis=0)
        np.testing.assert_allclose(store.particles(6)[label == k].mean(axis=0), target, atol=0.05)


def test_labels_of_a_dataset_without_them_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    bare = replace(dataset, splits={name: s._replace(y=None) for name, s in dataset.splits.items()})
    with pytest.raises(InputError, match="has no labels: set labels: false"):
        simulated(bare, tmp_path / "a.zarr", labels=True)
    assert list(tmp_path.iterdir()) == []
