"""Input-convex networks: exactly convex, and the optimal map between laws where it is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from swflow import load
from swflow.datasets.make import make_dataset
from swflow.metrics import optimal_maps
from swflow.metrics.subject import Subject
from swflow.models import icnn as icnn_module
from swflow.models.fit import fit
from swflow.models.icnn import Icnn, Limits
from swflow.models.spec import Condition
from swflow.networks.icnn import ConvexNetwork
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import GaussianSettings, IcnnSettings
from swflow.stages.prepare import write_splits
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from swflow.training.loop import TrainingRun
from tests.helpers import normal, rewrite_model, values

END = Condition(None, 1.0)
QUICK = IcnnSettings(
    source={"covariance": {"smallest": 0.5, "largest": 2, "seed": 1}},
    network={"width": 32, "depth": 2},
    training={"steps": 2500, "batch_size": 256},
)


@pytest.fixture(scope="module")
def gaussian(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("gaussian") / "gaussian.h5"
    bounds = {"smallest": 0.5, "largest": 2, "seed": 2}
    settings = GaussianSettings(dim=2, mean=3.0, covariance=bounds, n_train=20000)
    write_splits(make_dataset(settings), "gaussian", path)
    return read_dataset(path)


@pytest.fixture(scope="module")
def trained(gaussian: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("icnn") / "icnn"
    train(QUICK, gaussian, [], 0, path, "cpu")
    return path


@pytest.fixture(scope="module")
def icnn(trained: Path) -> Icnn:
    model = load(trained)
    assert isinstance(model, Icnn)
    return model


@pytest.mark.parametrize("quadratic", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_any_weights_give_a_convex_function_once_projected(quadratic: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    network = ConvexNetwork(3, 16, 3, quadratic).double()
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    assert not network.is_convex()
    network.project()
    assert network.is_convex()
    x, y = 3 * normal(500, 3, seed), 3 * normal(500, 3, seed + 10)
    t = torch.rand(500, 1, generator=generator, dtype=torch.float64)
    chord = t[:, 0] * network(x) + (1 - t[:, 0]) * network(y)
    assert bool((network(t * x + (1 - t) * y) <= chord + 1e-9 * chord.abs()).all())
    rise = ((network.gradient(x) - network.gradient(y)) * (x - y)).sum(dim=1)
    assert float(rise.min()) >= -1e-9


@pytest.mark.parametrize("quadratic", [True, False])
def test_gradient_begins_near_the_identity(quadratic: bool) -> None:
    torch.manual_seed(0)
    network, x = ConvexNetwork(16, 128, 2, quadratic), normal(1000, 16, 0, torch.float32)
    assert float((network.gradient(x) - x).square().mean()) < 0.03


def test_gradient_is_that_of_the_function() -> None:
    network = ConvexNetwork(3, 8, 2, quadratic=True).double()
    x, step = normal(20, 3, 0), 1e-6
    for axis in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[axis] = step
        slope = (network(x + shift) - network(x - shift)) / (2 * step)
        torch.testing.assert_close(network.gradient(x)[:, axis], slope, atol=1e-6, rtol=1e-6)


def test_training_settings_that_are_not_given_are_the_games_own() -> None:
    assert QUICK.training.learning_rate == IcnnSettings().training.learning_rate == 5e-3
    assert QUICK.training.precision == "float32"


def test_map_between_gaussians_is_nearly_the_optimal_one(icnn: Icnn, gaussian: Dataset) -> None:
    """A tenth of the identity's error in seconds; how far it gets is in the tables."""
    found = values(optimal_maps.of_condition(Subject(icnn, gaussian), END))
    assert found["map_uvp"] < 0.1 * found["identity_map_uvp"]
    assert found["map_cosine"] > 0.95
    assert found["affine_map_uvp"] < 0.1  # 20,000 points: its moments' sampling error


def test_inverse_leads_back(icnn: Icnn) -> None:
    x0 = normal(500, 2, 0, torch.float32)
    back = icnn.inverse(icnn.transport(x0))
    assert float((back - x0).square().mean()) < 0.05


def test_time_moves_along_the_displacement(icnn: Icnn) -> None:
    x0 = normal(100, 2, 0, torch.float32)
    start, half, end = (icnn.transport(x0, time=time) for time in (0, 0.5, 1))
    torch.testing.assert_close(start, x0)
    torch.testing.assert_close(half, (x0 + end) / 2)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"time": 1.5}, "allowed is 0 to 1"),
        ({"entropy": 0.1}, "knows no entropy"),
        ({"passes": 2}, "use passes=1"),
        ({"label": 1}, "knows no labels"),
    ],
)
def test_controls_that_it_lacks_are_refused(
    icnn: Icnn, asked: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        icnn.sample(2, **asked)


def test_samples_have_the_datas_moments(icnn: Icnn, gaussian: Dataset) -> None:
    x = icnn.sample(20000, quasi=True).numpy()
    np.testing.assert_allclose(x.mean(axis=0), 3, atol=0.15)
    covariance = gaussian.attributes["covariance"]
    assert np.abs(np.cov(x, rowvar=False) - covariance).max() < 0.2 * np.abs(covariance).max()


def test_a_folder_whose_weights_lost_convexity_is_refused(trained: Path, tmp_path: Path) -> None:
    tensors = load_file(trained / "weights.safetensors")
    tensors["g.positive.0"][0, 0] = -1e-3
    for file in trained.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    save_file(tensors, tmp_path / "weights.safetensors")
    rewrite_model(tmp_path)
    with pytest.raises(InputError, match="g is not convex"):
        load(tmp_path)


def test_a_diverging_game_ends_with_what_happened_and_no_model(
    gaussian: Dataset, tmp_path: Path
) -> None:
    wild = QUICK.model_copy(
        update={"training": QUICK.training.model_copy(update={"learning_rate": 30.0})}
    )
    with pytest.raises(InputError, match=r"diverged by step \d+: .* No model was written"):
        train(wild, gaussian, [], 0, tmp_path / "wild", "cpu")
    assert not (tmp_path / "wild").exists()


@pytest.mark.parametrize("value", [201.0, -1e8, float("nan")])
def test_a_game_of_an_impossible_value_has_diverged(value: float) -> None:
    limits = Limits(far=300.0, most=200.0, device="cpu")
    near = torch.full((3, 2), 299.0)
    limits.watch(near, torch.tensor(-199.0))
    limits.check(3)
    limits.watch(near, torch.tensor(value))
    limits.watch(near, torch.tensor(1.0))  # once is enough
    with pytest.raises(InputError, match=r"diverged by step 4: its value is .* beyond ± 200"):
        limits.check(4)


def test_a_map_that_leads_too_far_has_diverged() -> None:
    limits = Limits(far=300.0, most=200.0, device="cpu")
    limits.watch(torch.tensor([[0.0, -301.0]]), torch.tensor(1.0))
    with pytest.raises(InputError, match="the map leads to 301, more than 300 from"):
        limits.check(1)


def test_training_does_not_wait_for_the_device_at_each_step(gaussian: Dataset) -> None:
    """Numbers are read where the history has a row: every 12th of 2,500 steps."""
    reads = []

    class Counted(Limits):
        def check(self, step: int) -> None:
            reads.append(step)
            super().check(step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(icnn_module, "Limits", Counted)
        few = QUICK.training.model_copy(update={"steps": 400})
        settings = QUICK.model_copy(update={"training": few})
        fit(settings, gaussian, [], TrainingRun(0))
    assert reads == list(range(2, 401, 2))


def test_stores_are_refused(gaussian: Dataset, tmp_path: Path, stores: list[list[object]]) -> None:
    with pytest.raises(InputError, match="learns from the data alone"):
        train(QUICK, gaussian, stores[0], 0, tmp_path / "m", "cpu")
