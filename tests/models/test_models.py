"""Models: exactness at time 0, round trips, controls, and foreign folders."""

from pathlib import Path

import numpy as np
import pytest
import torch

import swflow
from swflow.datasets.make import RawRows
from swflow.flow.trajectory import Trajectory
from swflow.models.flow_map import FlowMap
from swflow.models.heldout_rows import HeldoutRows
from swflow.models.particles import Particles
from swflow.models.sampler import Model
from swflow.models.spec import Condition
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import (
    AnyModelSettings,
    FlowMapSettings,
    GaussianFitSettings,
    NetworkSettings,
    OptimiserSettings,
    RoundsSettings,
    SimulationSettings,
)
from swflow.stages.prepare import write_splits
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from tests.helpers import rewrite_model, run_of

SMALL = FlowMapSettings(
    network=NetworkSettings(width=64, depth=3),
    training=OptimiserSettings(steps=1200, batch_size=256, average_decay=0.99, precision="float32"),
)


@pytest.fixture(scope="module")
def map_folder(folder: Path, dataset: Dataset, stores: list[list[Trajectory]]) -> Path:
    path = folder / "map"
    train(SMALL, dataset, stores[0][:1], 0, path, "cpu")
    return path


@pytest.fixture(scope="module")
def flow_map(map_folder: Path) -> FlowMap:
    model = swflow.load(map_folder)
    assert isinstance(model, FlowMap)
    return model


@pytest.fixture(scope="module")
def gaussian(folder: Path, dataset: Dataset, stores: list[list[Trajectory]]) -> Model:
    train(GaussianFitSettings(), dataset, stores[0], 0, folder / "gaussian", "cpu")
    return swflow.load(folder / "gaussian")


def test_map_is_the_identity_at_time_zero(flow_map: FlowMap, generator: torch.Generator) -> None:
    x0 = torch.randn(20, 2, generator=generator)
    assert torch.equal(flow_map.transport(x0, time=0), x0)


def test_map_learns_the_pairs_of_its_teacher(
    flow_map: FlowMap, stores: list[list[Trajectory]]
) -> None:
    """On a run it never saw, the error is little more than between the two runs themselves."""
    seen, store = stores[0][0], stores[1][0]
    x0, goal = (torch.from_numpy(store.particles(k)) for k in (0, 6))
    error = (flow_map.transport(x0) - goal).square().mean()
    first, second = seen.tracers(6), store.tracers(6)
    assert first is not None
    assert second is not None
    between_runs = np.square(first - second).mean()
    assert float(error) < 1.5 * between_runs < 0.2 * float((x0 - goal).square().mean())


def test_any_time_up_to_the_horizon_is_between_its_neighbours(
    flow_map: FlowMap, generator: torch.Generator
) -> None:
    x0 = torch.randn(50, 2, generator=generator)
    early, middle, late = (flow_map.transport(x0, time=t) for t in (0.8, 0.9, 1.0))
    # Of a path like e^(−τ) the middle of h = .2 lies h/8 of its length beside the chord.
    assert float((middle - (early + late) / 2).norm()) < 2 * 0.2 / 8 * float((late - early).norm())


def test_samples_are_in_data_units_and_follow_the_generator(
    flow_map: FlowMap, dataset: Dataset
) -> None:
    first, second = (
        flow_map.sample(400, generator=torch.Generator().manual_seed(5)) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert first.shape == (400, 2)
    shift = torch.from_numpy(dataset.units.shift).float()
    # Five standard errors of a mean of 400.
    assert bool(((first.mean(0) - shift).abs() < 5 * first.std(0) / 20).all())
    assert not torch.equal(first, flow_map.sample(400))


def test_quasi_random_sources_are_more_even(flow_map: FlowMap) -> None:
    means = {
        quasi: torch.stack(
            [
                flow_map.sample(
                    256, time=0, quasi=quasi, generator=torch.Generator().manual_seed(k)
                )
                for k in range(20)
            ]
        ).mean(dim=1)
        for quasi in (False, True)
    }
    # 256 Sobol points: an error of about 1/256 instead of 1/16, known to a sixth by 20 means.
    assert float(means[True].std(dim=0).max()) < 2 / 16 * float(means[False].std(dim=0).min())


def test_same_seed_trains_the_same_bytes(
    map_folder: Path, dataset: Dataset, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    torch.rand(7)  # the global state must not matter
    train(SMALL, dataset, stores[0][:1], 0, tmp_path / "again", "cpu")
    weights = "weights.safetensors"
    assert (tmp_path / "again" / weights).read_bytes() == (map_folder / weights).read_bytes()


def test_map_of_several_entropies_takes_those_between(
    dataset: Dataset, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    train(SMALL, dataset, stores[0], 0, tmp_path / "both", "cpu")
    model = swflow.load(tmp_path / "both")
    noisy = model.sample(2000, entropy=0.1, generator=torch.Generator().manual_seed(0))
    between = model.sample(2000, entropy=0.05, generator=torch.Generator().manual_seed(0))
    plain = model.sample(2000, entropy=0, generator=torch.Generator().manual_seed(0))
    assert float(plain.std()) < float(between.std()) < float(noisy.std())
    with pytest.raises(ValueError, match=r"entropy=0.2: allowed is 0 to 0.1"):
        model.sample(1, entropy=0.2)


def test_naive_regression_collapses_as_computed_and_the_twin_does_not(tmp_path: Path) -> None:
    """FACTS 8, d = 2, s₀ = s₁ = 1, λ = .1: x₀ explains .70, .45, .21, .05 of the variance.

    Rounds bring what collapsed back to the law of the particles.
    """
    rng = np.random.default_rng(0)
    n = 16384
    splits = {
        name: RawRows(rng.normal(size=(k, 2))) for name, k in (("train", n), ("heldout", 100))
    }
    write_splits(splits | {"test": splits["heldout"]}, "g", tmp_path / "g.h5")
    normal = read_dataset(tmp_path / "g.h5")
    flow = SimulationSettings(
        times=(1, 2.5, 5, 10), step=0.2, n_directions=16, entropy=0.2, n_particles=n, quasi=True
    )
    simulate_dataset(normal, flow, 0, tmp_path / "f.zarr", "cpu")
    store = run_of(tmp_path / "f.zarr")
    x0 = torch.randn(20000, 2, generator=torch.Generator().manual_seed(1))
    left = {}
    for name, fields in {
        "particles": {"target": "particles"},
        "rounds": {"target": "particles", "rounds": RoundsSettings(number=3, n_steps=20)},
        "twin": {"target": "twin"},
    }.items():
        train(SMALL.model_copy(update=fields), normal, [store], 0, tmp_path / name, "cpu")
        model = swflow.load(tmp_path / name)
        assert isinstance(model, FlowMap)
        left[name] = [
            float(model.transport(x0, time=float(t)).var(0).sum())
            / float(store.particles(k).var(axis=0).sum())
            for k, t in enumerate(store.time)
            if k
        ]
    # n pairs leave a regression on noise with an error of about √(2·parameters/n) times the noise.
    np.testing.assert_allclose(left["particles"], [0.70, 0.45, 0.21, 0.05], atol=0.02)
    np.testing.assert_allclose(left["twin"], 1, atol=0.02)
    # They are of 4,000 points, whose variance is known to 1.6 %, and learned in 160 steps each.
    np.testing.assert_allclose(left["rounds"], 1, atol=0.05)


def test_gaussian_fit_has_the_moments_of_the_teacher(
    gaussian: Model, stores: list[list[Trajectory]]
) -> None:
    for store in stores[0]:
        for index in (1, 6):
            cloud = store.particles(index)
            time, generator = float(store.time[index]), torch.Generator().manual_seed(0)
            draws = gaussian.draw(40000, Condition(store.entropy, time), generator).x.numpy()
            deviation = cloud.std(axis=0)  # five standard errors of each moment
            assert (np.abs(draws.mean(0) - cloud.mean(0)) < 5 * deviation / 200).all()
            error = np.abs(np.cov(draws.T) - np.cov(cloud.T))
            assert (error < 5 * np.sqrt(2) / 200 * np.outer(deviation, deviation)).all()


def test_particles_are_drawn_with_replacement(stores: list[list[Trajectory]]) -> None:
    sampler = Particles(stores[0])
    generator = torch.Generator().manual_seed(0)
    end = sampler.spec.times[-1]
    draws = sampler.draw(500, Condition(0.1, end), generator).x.numpy()
    cloud = stores[0][1].particles(6)
    assert {tuple(row) for row in draws} <= {tuple(row) for row in cloud}


def test_real_rows_are_held_out_ones_each_once(dataset: Dataset) -> None:
    sampler = HeldoutRows(dataset)
    draws = sampler.sample(60)
    assert len(np.unique(draws.numpy(), axis=0)) == 60
    with pytest.raises(ValueError, match="holds out 60 rows"):
        sampler.sample(61)
    with pytest.raises(ValueError, match="knows no time"):
        sampler.sample(5, time=1)


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        ({"time": 2.5}, r"time=2.5: allowed is 0 to 2"),
        ({"time": -0.1}, r"time=-0.1: allowed is 0 to 2"),
        ({"time": float("nan")}, "time=nan"),
        ({"entropy": 0.1}, r"entropy=0.1: allowed is 0 to 0"),
        ({"label": 1}, "knows no labels; leave label out"),
        ({"passes": 2}, "one pass; use passes=1"),
        ({"n": 0}, "at least 1 sample"),
    ],
)
def test_controls_that_a_map_lacks_are_refused(
    flow_map: FlowMap, controls: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        flow_map.sample(**({"n": 3} | controls))  # type: ignore[arg-type]


def test_wrong_shape_is_refused(flow_map: FlowMap) -> None:
    with pytest.raises(ValueError, match=r"x0 has shape \(5, 3\): needed is \(n, 2\)"):
        flow_map.transport(torch.ones(5, 3))


def test_times_and_source_points_that_a_gaussian_lacks_are_refused(gaussian: Model) -> None:
    with pytest.raises(ValueError, match=r"time=1.5: allowed are 0, 0.2"):
        gaussian.sample(3, time=1.5)
    with pytest.raises(ValueError, match="draws no source points"):
        gaussian.sample(3, quasi=True)


def _drop(name: str) -> object:
    return lambda folder: (folder / name).unlink()


def _edit(key: str, value: object) -> object:
    return lambda folder: rewrite_model(folder, **{key: value})


def _flip(name: str, place: int) -> object:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[place] ^= 1
        (folder / name).write_bytes(content)

    return change


@pytest.mark.parametrize(
    "damage",
    [
        _drop("weights.safetensors"),
        _drop("settings.json"),
        lambda folder: (folder / "weights.safetensors").write_bytes(b"\0" * 100),
        lambda folder: (folder / "settings.json").write_text("{"),
        _flip("weights.safetensors", -3),
        _flip("settings.json", 400),
        _edit("format", 0),
        _edit("settings", {"kind": "os.system"}),
        _edit("settings", {"kind": "gaussian_fit"}),
        _edit("spec", {}),
        _edit("settings", {"kind": "flow_map", "network": {"width": 8}}),
    ],
)
def test_foreign_or_broken_folder_is_refused(
    damage: object, map_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in map_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    damage(folder)  # type: ignore[operator]
    with pytest.raises(InputError, match="model"):
        swflow.load(folder)


def test_teacher_of_other_data_is_refused(
    stores: list[list[Trajectory]], folder: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    splits = {name: RawRows(rng.normal(size=(30, 2))) for name in ("train", "heldout", "test")}
    write_splits(splits, "other", tmp_path / "other.h5")
    other = read_dataset(tmp_path / "other.h5")
    settings: AnyModelSettings = GaussianFitSettings()
    with pytest.raises(InputError, match="simulated on other data than dataset 'other'"):
        train(settings, other, stores[0], 0, tmp_path / "model", "cpu")
    with pytest.raises(InputError, match="no trajectory store was given"):
        train(settings, other, [], 0, tmp_path / "model", "cpu")
    assert not (tmp_path / "model").exists()
