"""The current velocity and its ODE."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import swflow
from swflow import random_directions, sliced_wasserstein
from swflow.flow.trajectory import Trajectory
from swflow.models.spec import Condition
from swflow.models.velocity import Velocity
from swflow.representation.dataset import Dataset
from swflow.settings import (
    NetworkSettings,
    OptimiserSettings,
    SourceSettings,
    VelocitySettings,
)
from swflow.stages.train import train

SMALL = VelocitySettings(
    passes=(8,),
    network=NetworkSettings(width=64, depth=3),
    training=OptimiserSettings(steps=1200, batch_size=256, average_decay=0.99, precision="float32"),
)


@pytest.fixture(scope="module")
def velocity(folder: Path, dataset: Dataset, stores: list[list[Trajectory]]) -> Velocity:
    train(SMALL, dataset, stores[0], 0, folder / "velocity", "cpu")
    model = swflow.load(folder / "velocity")
    assert isinstance(model, Velocity)
    return model


def test_ode_has_the_laws_of_the_flow(
    velocity: Velocity, stores: list[list[Trajectory]], generator: torch.Generator
) -> None:
    """At both entropies, by the fidelity ratio: draws of another run score the floor."""
    thetas = random_directions(64, 2, generator=generator)
    for store, other in zip(stores[1], stores[2], strict=True):
        end, cloud = (torch.from_numpy(s.particles(6)) for s in (store, other))
        point, squares = Condition(store.entropy, 2.0, 8), ([], [])
        for _ in range(20):
            rows = torch.randint(len(cloud), (1000,), generator=generator)
            for found, x in zip(
                squares, (velocity.draw(1000, point, generator).x, cloud[rows]), strict=True
            ):
                found.append(float(sliced_wasserstein(x, end, thetas)) ** 2)
        ratio = math.sqrt(sum(squares[0]) / sum(squares[1]))
        start = torch.from_numpy(store.particles(0))
        unmoved = float(sliced_wasserstein(start, end, thetas)) / math.sqrt(sum(squares[1]) / 20)
        # It learns at seven stored times: nearer to the law than to where it began, on the scale
        # of the floor, whose mean over 20 redraws is known to a few percent.
        assert ratio < math.sqrt(unmoved)


def test_more_evaluations_are_nearer_to_the_solution(velocity: Velocity) -> None:
    """Second order: from 8 to 32 steps the error falls by about 16; at least by 6."""
    x0 = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    solution = velocity.transport(x0, entropy=0.1, passes=512)
    errors = [
        float((velocity.transport(x0, entropy=0.1, passes=k) - solution).norm()) for k in (1, 8, 32)
    ]
    assert errors[0] > errors[1] > 6 * errors[2]


def test_time_zero_is_the_source(velocity: Velocity) -> None:
    x0 = torch.randn(20, 2)
    assert torch.equal(velocity.transport(x0, time=0, passes=3), x0)


def test_controls(velocity: Velocity) -> None:
    assert velocity.passes == (8,)
    assert velocity.sample(3, passes=2).shape == (3, 2)
    with pytest.raises(ValueError, match="passes=0: at least 1 evaluation"):
        velocity.sample(3, passes=0)
    with pytest.raises(ValueError, match=r"entropy=0.3: allowed is 0 to 0.1"):
        velocity.sample(3, entropy=0.3)
    with pytest.raises(ValueError, match=r"time=3: allowed is 0 to 2"):
        velocity.sample(3, time=3)


def test_source_has_its_own_score_at_time_zero(
    velocity: Velocity, stores: list[list[Trajectory]]
) -> None:
    """At time 0 v − ε∇log ρ of N(0, I) is v + εx; a uniform law has none at its edge."""
    run, every = stores[0][1], slice(None)
    indices = list(range(len(run.time)))
    clouds, pairs = velocity.pairs_of(run, indices)
    assert pairs[0].start == 0
    inputs, goals = clouds[pairs[0].input](every), clouds[pairs[0].goal](every)
    np.testing.assert_allclose(goals, run.drift(0) + 0.1 * inputs, rtol=1e-5, atol=1e-6)
    uniform = replace(velocity.spec, source=SourceSettings(law="uniform"))
    for one in stores[0]:
        assert len(Velocity(SMALL, uniform).pairs_of(one, indices).pairs) == len(run.time) - 1
