"""Models of flows that hold known pixels: they complete images, and keep what is known."""

from pathlib import Path

import numpy as np
import pytest
import torch

import swflow
from swflow.metrics.completion import seam
from swflow.metrics.cost import measure as measure_cost
from swflow.metrics.subject import Subject
from swflow.models.completing import CompletingModel
from swflow.models.draws import sampling_conditions, stored_draws
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import (
    FlowMapSettings,
    HalfSettings,
    NetworkSettings,
    OptimiserSettings,
    RoundsSettings,
    ScoreSettings,
    SimulationSettings,
    TwoTimeMapSettings,
    VelocitySettings,
)
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from tests.flow.test_known import CORRELATION, classed, images  # noqa: F401
from tests.helpers import run_of

SMALL = {
    "network": NetworkSettings(width=32, depth=2),
    "training": OptimiserSettings(
        steps=400, batch_size=256, average_decay=0.98, precision="float32"
    ),
}
FLOW = {"horizon": 20, "n_times": 5, "step": 0.25, "n_directions": 8, "n_particles": 2000}
KNOWN = SimulationSettings(**FLOW, known=HalfSettings())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, images: Dataset) -> CompletingModel:  # noqa: F811
    return fitted(tmp_path_factory.mktemp("known"), images, KNOWN, FlowMapSettings(**SMALL))


def fitted(
    folder: Path, of: Dataset, flow: SimulationSettings, settings: object
) -> CompletingModel:
    simulate_dataset(of, flow, 0, folder / "flow.zarr", "cpu")
    train(settings, of, [run_of(folder / "flow.zarr")], 0, folder / "model", "cpu")
    found = swflow.load(folder / "model")
    assert isinstance(found, CompletingModel)
    return found


@pytest.mark.parametrize("rounds", [None, RoundsSettings(number=2, n_points=1000, n_steps=10)])
def test_of_a_flow_class_by_class_the_network_sees_no_class(
    classed: Dataset,  # noqa: F811
    tmp_path: Path,
    rounds: RoundsSettings | None,
) -> None:
    """Known pixels tell it: what is completed has the law of its class, and needs no label."""
    flow = KNOWN.model_copy(update={"labels": True})
    found = fitted(tmp_path, classed, flow, FlowMapSettings(**SMALL, rounds=rounds))
    assert found.spec.labels == ()
    whole = torch.from_numpy(classed.units.decode(classed.rows("test")))
    done = found.complete(whole, generator=torch.Generator().manual_seed(0))
    rows = classed.units.encode(done.numpy()).reshape(-1, 2)
    slope, _ = np.polyfit(rows[:, 0], rows[:, 1], 1)
    # Of 60 rows: four deviations of (1 − ρ²)½/√60.
    assert slope == pytest.approx(CORRELATION, abs=4 * np.sqrt((1 - CORRELATION**2) / 60))


def test_its_bytes_are_those_under_which_completions_stay(
    images: Dataset,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The model of rounded numbers completes the same rows."""
    few = SMALL | {"training": SMALL["training"].model_copy(update={"steps": 20})}
    found = fitted(tmp_path, images, KNOWN, FlowMapSettings(**few))
    sampler = found.completing(torch.from_numpy(images.fresh.rows()))
    draws = list(stored_draws(sampler, 50, sampling_conditions(sampler)[-1:], 0))
    settings = ScoreSettings(n_timed=50)
    references = [run_of(tmp_path / "flow.zarr")]
    subject = Subject(sampler, images, draws, references, settings)
    measured = {of.metric: of.value for of in measure_cost(subject)}
    n = sum(value.numel() for value in found.tensors().values())
    assert measured["stored_bytes"] in (2 * n, 4 * n)


def test_completions_have_the_conditional_law(model: CompletingModel, images: Dataset) -> None:  # noqa: F811
    """Of the second pixel given the first, on held-out images: slope and residual deviation."""
    first = torch.linspace(-2, 2, 2000)
    asked = torch.stack([first, torch.full_like(first, torch.nan)], dim=1)[:, None]
    done = model.complete(asked, generator=torch.Generator().manual_seed(0))
    assert torch.equal(done[..., 0], asked[..., 0])  # to the last bit
    rows = images.units.encode(done.numpy()).reshape(-1, 2).astype(np.float64)
    slope, offset = np.polyfit(rows[:, 0], rows[:, 1], 1)
    assert slope == pytest.approx(CORRELATION, abs=0.1)
    spread = (rows[:, 1] - slope * rows[:, 0] - offset).std()
    assert spread == pytest.approx((1 - CORRELATION**2) ** 0.5, abs=0.1)


def test_one_image_is_completed_in_several_ways_and_again_in_the_same(
    model: CompletingModel,
) -> None:
    again = torch.zeros(50, 1, 2)
    first, second = (
        model.complete(again, time=10, generator=torch.Generator().manual_seed(1)) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert first[:, 0, 1].std() > 0.3


def test_what_cannot_be_completed_is_refused(
    model: CompletingModel,
    tmp_path: Path,
    images: Dataset,  # noqa: F811
) -> None:
    with pytest.raises(InputError, match=r"needed are \(n, 1, 2\)"):
        model.complete(torch.zeros(3, 2))
    with pytest.raises(InputError, match="some known pixels are NaN"):
        model.complete(torch.full((3, 1, 2), torch.nan))
    with pytest.raises(InputError, match="time=21: allowed is 0 to 20"):
        model.complete(torch.zeros(3, 1, 2), time=21)
    with pytest.raises(InputError, match=r"use model\.complete"):
        model.sample(5)
    whole = fitted(
        tmp_path,
        images,
        SimulationSettings(**FLOW | {"n_times": 2, "horizon": 1}),
        FlowMapSettings(network={"width": 8, "depth": 1}, training={"steps": 2}),
    )
    with pytest.raises(InputError, match="completes none: train one of a flow with known"):
        whole.complete(torch.zeros(3, 1, 2))


def test_given_rows_are_completed_by_draws(model: CompletingModel, images: Dataset) -> None:  # noqa: F811
    rows = torch.from_numpy(images.fresh.rows())
    draws = model.completing(rows).sample(300, generator=torch.Generator().manual_seed(0))
    drawn = images.units.encode(draws.numpy())[:, 0, 0]
    np.testing.assert_allclose(
        np.abs(drawn[:, None] - rows[:, 0].numpy()).min(axis=1), 0, atol=1e-6
    )
    assert model.rows is None


@pytest.mark.parametrize("kind", [TwoTimeMapSettings, VelocitySettings])
def test_every_network_of_a_flow_keeps_what_is_known(
    kind: type,
    tmp_path: Path,
    images: Dataset,  # noqa: F811
) -> None:
    settings = kind(passes=(3,), network={"width": 8, "depth": 1}, training={"steps": 3})
    other = fitted(tmp_path, images, KNOWN, settings)
    rows = torch.from_numpy(images.fresh.rows())
    moved = other.transport(rows, passes=3)
    assert torch.equal(moved[:, 0], rows[:, 0])
    assert not torch.equal(moved[:, 1], rows[:, 1])


def test_the_seam_is_seen() -> None:
    """1 for images without structure, above it where the halves do not belong together."""
    noise = np.random.default_rng(0).normal(size=(4000, 1, 4, 4))
    known = np.zeros((1, 4, 4), bool)
    known[..., :2] = True
    assert seam(noise, known) == pytest.approx(1, abs=0.02)
    assert seam(noise + 3 * known, known) > 2
