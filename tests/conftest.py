"""Small data that several test files need."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from swflow.datasets.make import RawRows
from swflow.flow.trajectory import Trajectory
from swflow.representation.dataset import Dataset
from swflow.settings import SimulationSettings
from swflow.stages.prepare import write_splits
from swflow.stages.simulate import simulate_dataset
from swflow.store.dataset import read_dataset
from tests.browser import browser
from tests.helpers import TINY_FLOW, run_of
from tests.pipeline import finished, forked

__all__ = ["browser", "finished", "forked"]  # fixtures, as those below

# Tiny tensors: threads cost more than they give, above all on a busy machine. Commands that tests
# start inherit this; Snakemake gives its jobs what their rules say.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"


# Minutes each: they begin first, so that several workers end together.
LONGEST = [
    *("test_slurm.py", "test_workflow.py", "test_faults.py", "test_notebooks.py", "test_code.py"),
    *("test_extending.py", "test_readme.py", "test_cli.py", "test_resume.py", "test_images.py"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONGEST)))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("products")


@pytest.fixture(scope="session")
def dataset_path(folder: Path) -> Path:
    """Two clusters in data units far from model units."""
    rng = np.random.default_rng(0)
    splits = {
        name: RawRows(
            10 + 3 * rng.choice([-1, 1], (n, 1)) + rng.normal(size=(n, 2)), np.arange(n) % 2
        )
        for name, n in (("train", 150), ("heldout", 60), ("test", 50))
    }
    path = folder / "clusters.h5"
    write_splits(splits, "clusters", path)
    return path


@pytest.fixture(scope="session")
def dataset(dataset_path: Path) -> Dataset:
    return read_dataset(dataset_path)


@pytest.fixture(scope="session")
def stores(folder: Path, dataset: Dataset) -> list[list[Trajectory]]:
    """Runs of three seeds at entropies 0 and 0.1: stores[seed][entropy]."""
    found = []
    for seed in range(3):
        row = []
        for entropy in (0.0, 0.1):
            path = folder / f"flow-{entropy:g}-{seed}.zarr"
            settings = SimulationSettings(entropy=entropy, **TINY_FLOW)
            simulate_dataset(dataset, settings, seed, path, "cpu")
            row.append(run_of(path))
        found.append(row)
    return found
