"""The simulate stage: what a store says, and that the same command gives the same bytes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.randomness import keyed_generator
from swflow.settings import SimulationSettings, SourceSettings
from swflow.simulation import simulate_dataset
from swflow.sources import draw_source
from swflow.trajectory import CLOUDS, Trajectory
from tests.conftest import TINY_FLOW


def simulated(dataset: Dataset, out: Path, seed: int = 0, **settings: object) -> Trajectory:
    simulate_dataset(dataset, SimulationSettings(**(TINY_FLOW | settings)), seed, out, "cpu")
    return Trajectory(out)


def test_same_seed_gives_the_same_arrays_and_another_does_not(
    dataset: Dataset, tmp_path: Path
) -> None:
    first, second, other = (
        simulated(dataset, tmp_path / f"{name}.zarr", seed, entropy=0.2)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    for name in CLOUDS:
        assert first.root[name][:].tobytes() == second.root[name][:].tobytes()
        assert not np.array_equal(first.root[name][1:], other.root[name][1:])


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
    assert SimulationSettings.model_validate(store.settings).n_particles == 1000


def test_classes_keep_their_proportions_and_flow_to_their_rows(
    dataset: Dataset, tmp_path: Path
) -> None:
    store = simulated(dataset, tmp_path / "a.zarr", labels=True, horizon=8)
    label = store.root["label"][:]
    y = dataset.splits["train"].y
    assert y is not None
    assert np.mean(label) == pytest.approx(np.mean(y), abs=1 / 1000)
    for k in (0, 1):
        target = dataset.rows("train")[y == k].mean(axis=0)
        np.testing.assert_allclose(store.particles(6)[label == k].mean(axis=0), target, atol=0.05)


def test_labels_of_a_dataset_without_them_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    bare = replace(dataset, splits={name: replace(s, y=None) for name, s in dataset.splits.items()})
    with pytest.raises(InputError, match="has no labels: set labels: false"):
        simulated(bare, tmp_path / "a.zarr", labels=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("law", ["gaussian", "uniform"])
@pytest.mark.parametrize("quasi", [False, True])
def test_sources_have_their_moments(law: str, quasi: bool) -> None:
    settings = SourceSettings(law=law, mean=3.0, scale=2.0)
    n = 2**14
    x = draw_source(settings, n, 3, quasi=quasi, generator=keyed_generator(0))
    assert x.dtype == torch.float32
    assert torch.isfinite(x).all()
    np.testing.assert_allclose(x.mean(dim=0), 3, atol=5 * 2 / np.sqrt(n))
    np.testing.assert_allclose(np.cov(x.numpy().T), 4 * np.eye(3), atol=5 * 4 * np.sqrt(2 / n))
    if law == "uniform":
        assert float((x - 3).abs().max()) <= 2 * np.sqrt(3) + 1e-5


def test_quasi_random_points_have_a_largest_dimension() -> None:
    with pytest.raises(ValueError, match="at most 21201 dimensions, got 30000"):
        draw_source(SourceSettings(), 2, 30000, quasi=True, generator=keyed_generator(0))


def test_streams_differ_by_key_and_by_nothing_else() -> None:
    draws = [
        torch.rand(4, generator=keyed_generator(*key)) for key in (("a", 1), ("a", 2), ("b", 1))
    ]
    assert not torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(draws[0], torch.rand(4, generator=keyed_generator("a", 1)))
