"""What runs on a GPU: each test runs on the CPU everywhere, and on a GPU where there is one."""

import math
from pathlib import Path

import pytest
import torch

from swflow import FlowSettings, local_directions, simulate, sliced_velocity
from swflow.representation.dataset import Dataset
from swflow.runtime.termination import TerminatedError
from swflow.settings import FlowMapSettings, SimulationSettings
from swflow.settings.slicing import HistogramSettings, OrthonormalSettings, StructuredSettings
from swflow.sliced.directions.base import Directions
from swflow.sliced.directions.dense import orthonormal
from swflow.sliced.directions.structured import structured
from swflow.sliced.drift import drift
from swflow.sliced.plans.exact import Exact
from swflow.sliced.plans.histogram import Histogram
from swflow.stages import simulate as stage
from swflow.stages.loading import load
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from tests.helpers import TINY_PIXELS, arrays, run_of, unexplained
from tests.representation.test_latents import images_file

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
pytestmark = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=gpu)])


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read_dataset(images_file(tmp_path_factory.mktemp("images")))


def drawn(kind: str, generator: torch.Generator) -> Directions:
    if kind.startswith("local"):
        return local_directions((8, 8), int(kind[5:]), generator=generator)
    shape, dtype = (8, 8), torch.float32
    if kind == "structured":
        return structured(StructuredSettings(), 64, shape, generator, dtype)
    return orthonormal(OrthonormalSettings(), 64, shape, generator, dtype)


@pytest.mark.parametrize("kind", ["orthonormal", "structured", "local8", "local4", "local1"])
def test_a_drift_is_that_of_the_same_directions_in_double_precision(device: str, kind: str) -> None:
    generator = torch.Generator(device).manual_seed(0)
    x, y, riding = (
        torch.randn(n, 64, generator=generator, device=device) for n in (3000, 2000, 10)
    )
    thetas = drawn(kind, generator)
    y = 1 + 2 * y
    found, _ = drift(x, y, thetas, riding, plan=Exact())
    assert found.device.type == device
    dense = thetas.project(torch.eye(64, device=device))
    exact = sliced_velocity(x.double().cpu(), y.double().cpu(), dense.double().cpu())
    # Single precision, and pairs of neighbours whose order rounding has changed.
    assert float((found.cpu().double() - exact).norm() / exact.norm()) < 1e-4
    close, _ = drift(x, y, thetas, riding, plan=Histogram(HistogramSettings()))
    assert float((close.cpu().double() - exact).norm() / exact.norm()) < 0.02


@pytest.mark.parametrize("plan", ["exact", "sketch", "entropic", "partial", "unbalanced"])
def test_a_flow_arrives_by_any_plan(device: str, plan: str) -> None:
    """Fresh rows at each step; where all mass is moved exactly, means follow their law e^−τ."""
    generator = torch.Generator(device).manual_seed(1)
    x = torch.randn(600, 16, generator=generator, device=device)
    y = 2 + torch.randn(600, 16, generator=generator, device=device)
    settings = FlowSettings(
        times=[1],
        step=0.1,
        n_directions=16,
        directions="local",
        transport=plan,
        redraw=True,
        integrator="splitting",
        target_batch=600,
    )
    *_, last = simulate(x, y, settings, generator=generator, event_shape=(4, 4))
    assert last.particles.device.type == device
    left = (y.mean(0) - last.particles.mean(0)) / (y.mean(0) - x.mean(0))
    # Parts of the mass, and quantiles between which it is interpolated, move a little less.
    allowed = {"exact": 1e-5, "sketch": 0.02, "entropic": 0.002, "partial": 0.5, "unbalanced": 0.5}
    assert float((left - math.exp(-1)).abs().max()) < allowed[plan]


def test_a_killed_simulation_goes_on_to_the_same_numbers(
    device: str, images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SimulationSettings(**TINY_PIXELS, entropy=0.01, target_batch=150)
    whole, parts = tmp_path / "whole.zarr", tmp_path / "parts.zarr"
    stage.simulate_dataset(images, settings, 0, whole, device)
    stopped = iter([False, False, False, True])

    class Stopping:
        def __enter__(self) -> object:
            return lambda: next(stopped, False)

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(stage, "noted_termination", Stopping)
    with pytest.raises(TerminatedError):
        stage.simulate_dataset(images, settings, 0, parts, device)
    stage.simulate_dataset(images, settings, 0, parts, device)
    first, second = arrays(run_of(whole)), arrays(run_of(parts))
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].tobytes() == second[name].tobytes()


@pytest.mark.parametrize(
    ("precision", "rounds"),
    [("float32", None), ("bfloat16", {"number": 2, "n_points": 200, "n_steps": 5})],
)
def test_a_network_learns_images_and_is_drawn_from_anywhere(
    device: str, precision: str, rounds: dict[str, int] | None, images: Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "seed0.zarr"
    stage.simulate_dataset(images, SimulationSettings(**TINY_PIXELS), 0, store, device)
    settings = FlowMapSettings(
        network={"kind": "unet", "width": 8},
        training={"steps": 150, "batch_size": 64, "precision": precision},
        rounds=rounds,
    )
    run, folder = run_of(store), tmp_path / "model"
    train(settings, images, [run], 0, folder, device)
    model = load(folder).to(device)
    assert unexplained(model, run) < 0.6
    drawn_there, drawn_here = (
        each.sample(20, label=1, generator=torch.Generator().manual_seed(0))
        for each in (model, load(folder))
    )
    # A GPU's convolutions keep 10 bits of a factor.
    error = (drawn_there - drawn_here).norm() / drawn_here.norm()
    assert float(error) < (1e-6 if device == "cpu" else 1e-2)
