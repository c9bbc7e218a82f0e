"""Exact optimal maps, laws with a covariance, and how far maps are from optimal."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from swflow.datasets.make import make_dataset
from swflow.flow.covariance import random_covariance, square_root
from swflow.flow.optimal_maps import ConvexMap, best_affine_map, known_map, optimal_matrix
from swflow.flow.source import draw_source, interpolate_source, source_covariance, source_score
from swflow.metrics import optimal_maps
from swflow.metrics.subject import Subject
from swflow.models.particles import Particles
from swflow.models.spec import Condition
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import (
    ConvexMapSettings,
    DatasetSettings,
    GaussianMixtureSettings,
    GaussianSettings,
    RandomCovariance,
    SimulationSettings,
    SourceSettings,
    parse_settings,
)
from swflow.stages.prepare import write_splits
from swflow.stages.simulate import simulate_dataset
from swflow.store.dataset import read_dataset
from tests.helpers import normal, run_of, values

BOUNDS = RandomCovariance(smallest=0.1, largest=10, seed=3)
OTHER = RandomCovariance(smallest=0.5, largest=2, seed=4)


def made(path: Path, settings: DatasetSettings) -> Dataset:
    write_splits(make_dataset(settings), "made", path)
    return read_dataset(path)


@pytest.mark.parametrize("dim", [1, 2, 8, 64])
def test_random_covariances_keep_their_bounds_and_seed(dim: int) -> None:
    found = random_covariance(BOUNDS, dim)
    values = np.linalg.eigvalsh(found)
    assert 0.1 <= values.min() <= values.max() <= 10
    np.testing.assert_array_equal(found, random_covariance(BOUNDS, dim))
    assert not np.allclose(found, random_covariance(OTHER, dim))


def test_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InputError, match="smallest = 3: must be at most largest = 2"):
        parse_settings(RandomCovariance, {"smallest": 3, "largest": 2}, "config")
    uniform = {"law": "uniform", "covariance": {"smallest": 1, "largest": 2}}
    with pytest.raises(InputError, match="a uniform source has none"):
        parse_settings(SourceSettings, uniform, "config")


@pytest.mark.parametrize("dim", [2, 8, 32])
def test_optimal_matrix_is_symmetric_positive_and_carries_one_law_to_the_other(dim: int) -> None:
    first, second = random_covariance(BOUNDS, dim), random_covariance(OTHER, dim)
    matrix = optimal_matrix(first, second)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-10)
    assert np.linalg.eigvalsh(matrix).min() > 0
    np.testing.assert_allclose(matrix @ first @ matrix, second, atol=1e-9)
    np.testing.assert_allclose(square_root(first) @ square_root(first), first, atol=1e-12)


def test_convex_map_is_the_gradient_of_its_function() -> None:
    exact = ConvexMap.random(ConvexMapSettings(dim=3, seed=1))

    def value(x: np.ndarray) -> np.ndarray:
        quadratic = np.einsum("ni,ij,nj->n", x, exact.matrix, x) / 2
        return quadratic + logsumexp(x @ exact.slopes.T + exact.offsets, axis=1)

    x, step = normal(50, 3, 0).numpy(), 1e-5
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        slope = (value(x + shift) - value(x - shift)) / (2 * step)
        np.testing.assert_allclose(exact(x)[:, axis], slope, atol=1e-8)


@pytest.mark.parametrize("quasi", [False, True])
def test_sources_have_the_covariance_that_they_say(quasi: bool) -> None:
    law, n = SourceSettings(mean=1.0, scale=2.0, covariance=BOUNDS), 16384
    expected = source_covariance(law, 3)
    error = 4 * math.sqrt(2 / n) * np.trace(expected)
    a = draw_source(law, n, 3, quasi=quasi, generator=torch.Generator().manual_seed(0))
    b = draw_source(law, n, 3, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(np.cov(a.numpy(), rowvar=False), expected, atol=error)
    angle = torch.rand(n, 1, generator=torch.Generator().manual_seed(2))
    between = interpolate_source(law, a, b, angle).numpy()
    np.testing.assert_allclose(np.cov(between, rowvar=False), expected, atol=error)
    np.testing.assert_allclose(between.mean(axis=0), 1, atol=4 * math.sqrt(error / n) + 0.05)
    x = a[:5].numpy().astype(np.float64)
    score = np.linalg.solve(expected, (1 - x).T).T
    np.testing.assert_allclose(source_score(law, x), score, rtol=1e-9)


def test_known_map_carries_the_source_to_the_datas_law(tmp_path: Path) -> None:
    """In model units, by moments: of a Gaussian law all there is."""
    n = 20_000
    settings = GaussianSettings(dim=4, mean=5.0, covariance=OTHER, n_train=n)
    dataset, law = made(tmp_path / "g.h5", settings), SourceSettings(covariance=BOUNDS)
    exact = known_map(dataset, law)
    assert exact is not None
    x = draw_source(law, n, 4, generator=torch.Generator().manual_seed(0)).numpy()
    rows = dataset.rows("train")
    np.testing.assert_allclose(exact(x).mean(axis=0), rows.mean(axis=0), atol=8 / math.sqrt(n))
    found, expected = (np.cov(z, rowvar=False) for z in (exact(x), rows))
    np.testing.assert_allclose(found, expected, atol=8 * math.sqrt(2 / n))
    assert known_map(dataset, SourceSettings(law="uniform")) is None


def test_known_map_of_a_convex_map_is_not_affine(tmp_path: Path) -> None:
    dataset = made(tmp_path / "c.h5", ConvexMapSettings(dim=2, n_train=20_000))
    exact = known_map(dataset, SourceSettings())
    assert exact is not None
    x = normal(20_000, 2, 0).numpy()
    np.testing.assert_allclose(
        np.cov(exact(x), rowvar=False), np.cov(dataset.rows("train"), rowvar=False), atol=0.08
    )
    error = np.square(best_affine_map(x, exact(x))(x) - exact(x)).sum(axis=1).mean()
    assert 100 * error / exact(x).var(axis=0).sum() > 1
    assert known_map(dataset, SourceSettings(mean=1.0)) is None


def test_mixture_is_one_law_with_components_apart() -> None:
    settings = GaussianMixtureSettings(n_train=4000, n_heldout=4000)
    splits = make_dataset(settings)
    train, heldout = splits["train"], splits["heldout"]
    assert not np.array_equal(train.x, heldout.x)
    means = [
        np.array([split.x[split.y == k].mean(axis=0) for k in range(20)])
        for split in (train, heldout)
    ]
    assert np.abs(means[0] - means[1]).max() < 0.5
    apart = np.linalg.norm(means[0][:, None] - means[0], axis=2) + 10 * np.eye(20)
    assert apart.min() > 0.8


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (SourceSettings(), 0.0),
        # Integrating Φ' = HΦ with the H of the closed form (FACTS 5).
        (SourceSettings(covariance=BOUNDS.model_copy(update={"seed": 1})), 3.5012),
    ],
    ids=["isotropic", "not commuting"],
)
def test_limit_map_of_the_flow_is_optimal_only_from_commuting_covariances(
    tmp_path: Path, source: SourceSettings, expected: float
) -> None:
    """FACTS 6 (Cozzi & Santambrogio 2024)."""
    n, bounds = 8000, BOUNDS.model_copy(update={"seed": 11})
    dataset = made(tmp_path / "g.h5", GaussianSettings(covariance=bounds, n_train=n))
    step = {"initial": 0.01, "growth": 0.03, "max": 0.1}  # turns of the cloud are first order
    settings = SimulationSettings(
        source=source, n_particles=n, quasi=True, times=[20], step=step, n_directions=64
    )
    simulate_dataset(dataset, settings, 0, tmp_path / "f.zarr", "cpu")
    flow = Particles([run_of(tmp_path / "f.zarr")])
    subject = Subject(flow, dataset)
    found = values(optimal_maps.of_condition(subject, Condition(0.0, 20.0)))
    # Particles fit n rows, not their law: W₂² of the two is about log(n)/n of the variance. Where
    # maps differ, a tenth of that goes with the rows' covariance and the steps' first order.
    error = 2 * 100 * math.log(n) / n + 0.1 * expected
    assert found["map_uvp"] == pytest.approx(expected, abs=error)
