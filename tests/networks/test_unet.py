"""The U-Net: any image, conditions of each row or of all, maps of pixels that it learns."""

from pathlib import Path

import pytest
import torch

from swflow.flow.trajectory import Trajectory
from swflow.models.fit import fit
from swflow.models.flow_map import FlowMap
from swflow.networks.unet import ConditionedUNet, levels
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import FlowMapSettings, SimulationSettings, TwoTimeMapSettings, UNetSettings
from swflow.stages.loading import load
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from swflow.training.loop import TrainingRun
from tests.helpers import TINY_PIXELS, run_of, unexplained
from tests.representation.test_latents import images_file

NETWORK = {"kind": "unet", "width": 8}


@pytest.mark.parametrize("shape", [(28, 28), (3, 32, 32), (2, 12, 10), (15, 9), (1, 5, 40)])
def test_images_of_any_shape_come_out_as_they_went_in(shape: tuple[int, ...]) -> None:
    network = ConditionedUNet(UNetSettings(width=8, blocks=2), shape, 3, 1)
    x, conditions = torch.randn(4, torch.Size(shape).numel()), torch.rand(4, 3)
    assert network(x, conditions).shape == x.shape
    one = network(x, conditions[:1])
    torch.testing.assert_close(one, network(x, conditions[:1].expand(4, -1)))
    assert not torch.allclose(one[1], network(x, conditions)[1])


def test_sides_are_halved_until_one_is_small() -> None:
    assert levels((1, 28, 28)) == levels((3, 32, 32)) == 3
    assert levels((1, 8, 8)) == levels((1, 5, 40)) == 1
    assert levels((3, 64, 64)) == 4


def test_a_pixel_depends_on_all_others() -> None:
    """By attention, where sides are smallest: one corner on the other."""
    torch.manual_seed(0)
    network = ConditionedUNet(UNetSettings(width=8), (32, 32), 1, 1)
    x = torch.randn(1, 1024, requires_grad=True)
    network(x, torch.zeros(1, 1))[0, 0].backward()
    assert x.grad is not None
    assert float(x.grad[0, -1].abs()) > 0


def test_rows_that_are_no_images_are_refused(
    stores: list[list[Trajectory]], dataset: Dataset
) -> None:
    with pytest.raises(InputError, match=r"rows of shape \(2,\) are no images"):
        fit(FlowMapSettings(network=NETWORK), dataset, [stores[0][0]], TrainingRun(0))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, and a flow of them along local directions, class by class."""
    folder = tmp_path_factory.mktemp("pixels")
    dataset = read_dataset(images_file(folder))
    settings = SimulationSettings(**TINY_PIXELS)
    for seed in range(2):
        simulate_dataset(dataset, settings, seed, folder / f"seed{seed}.zarr", "cpu")
    return folder


@pytest.mark.parametrize("settings", [FlowMapSettings, TwoTimeMapSettings])
def test_a_flow_of_pixels_is_learned(images: Path, tmp_path: Path, settings: type) -> None:
    """By the kinds that there are, from stores: the same bytes again, and it explains the flow."""
    own = settings(network=NETWORK, training={"steps": 150, "batch_size": 64})
    dataset, runs = read_dataset(images / "blobs.h5"), [run_of(images / "seed0.zarr")]
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        train(own, dataset, runs, 0, folder, "cpu")
    name = "weights.safetensors"
    assert (first / name).read_bytes() == (second / name).read_bytes()
    model, run = load(first), run_of(images / "seed1.zarr")
    assert isinstance(model, FlowMap) or settings is TwoTimeMapSettings
    assert unexplained(model, run) < 0.6
    assert model.sample(3, label=1).shape == (3, *dataset.units.data_shape)
