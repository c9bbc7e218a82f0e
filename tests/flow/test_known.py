"""Known pixels: what a flow holds, and the conditional law that the rest ends in."""

import numpy as np
import pytest
import torch

from swflow import FlowSettings, simulate
from swflow.datasets.make import RawRows
from swflow.flow.known import held, known_coordinates
from swflow.flow.run import Run, run_fresh, training_rows
from swflow.flow.trajectory import shared_rows
from swflow.randomness import keyed_generator
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import HalfSettings, SimulationSettings, SurroundingsSettings
from swflow.stages.prepare import write_splits
from swflow.store.dataset import read_dataset

N, CORRELATION = 4000, 0.8
FIRST = torch.tensor([True, False])


def correlated(n: int, seed: int) -> torch.Tensor:
    """Draws of two numbers of variance 1."""
    a, b = torch.randn(2, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.stack([a, CORRELATION * a + (1 - CORRELATION**2) ** 0.5 * b], dim=1)


def even_angles(n: int) -> np.ndarray:
    angle = np.pi * (np.arange(n) + 0.5) / n
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def closed_form(target: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Covariances `(T, 2, 2)` of the flow from N(0, I) that holds the first number: Σ' = AΣ + ΣAᵀ.

    A is H of FACTS 5 without its first line, since the drift moves the second number alone.
    """
    thetas, found, sigma, now = even_angles(256), [], np.eye(2), 0.0
    for time in times:
        steps = max(1, round((time - now) / 0.01))
        for _ in range(steps):
            ratio = np.einsum("li,ij,lj->l", thetas, target, thetas)
            ratio /= np.einsum("li,ij,lj->l", thetas, sigma, thetas)
            h = 2 * (thetas * np.sqrt(ratio)[:, None]).T @ thetas / len(thetas) - np.eye(2)
            h[0] = 0
            sigma = sigma + (time - now) / steps * (h @ sigma + sigma @ h.T)
        now = time
        found.append(sigma)
    return np.stack(found)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("left", [[1, 0, 0], [1, 0, 0]]),
        ("right", [[0, 0, 1], [0, 0, 1]]),
        ("top", [[1, 1, 1], [0, 0, 0]]),
        ("bottom", [[0, 0, 0], [1, 1, 1]]),
    ],
)
def test_a_half_is_known(side: str, expected: list[list[int]]) -> None:
    """In all channels; of an odd number of lines the smaller part."""
    known = known_coordinates(HalfSettings(side=side), (2, 2, 3))
    np.testing.assert_array_equal(known.reshape(2, 2, 3), [expected, expected])


def test_all_is_known_but_a_box() -> None:
    known = known_coordinates(SurroundingsSettings(box=(0, 1, 2, 1)), (3, 3))
    np.testing.assert_array_equal(known.reshape(3, 3), [[1, 0, 1], [1, 0, 1], [1, 1, 1]])


def test_what_is_known_must_leave_something_and_lie_in_the_image() -> None:
    with pytest.raises(InputError, match="none of the pixels"):
        known_coordinates(SurroundingsSettings(box=(0, 0, 3, 3)), (3, 3))
    with pytest.raises(InputError, match="none of the pixels of images of 3 x 1"):
        known_coordinates(HalfSettings(side="left"), (3, 1))
    with pytest.raises(InputError, match="columns 2 to 4 are not all within images of 3 x 3"):
        known_coordinates(SurroundingsSettings(box=(0, 2, 1, 2)), (3, 3))
    with pytest.raises(InputError, match="no images"):
        known_coordinates(HalfSettings(), (9,))


@pytest.mark.parametrize(
    "mask", [torch.ones(2, dtype=torch.bool), torch.ones(3, dtype=torch.bool), torch.ones(2)]
)
def test_a_mask_that_is_none_is_refused(mask: torch.Tensor) -> None:
    x, settings = correlated(10, 0), FlowSettings(horizon=1, n_times=2, n_directions=2)
    with pytest.raises(InputError, match=r"needed are bools \(2,\), at least one of them false"):
        next(simulate(x, x, settings, generator=torch.Generator(), held=mask))


@pytest.fixture(scope="module")
def covariances() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times, covariances simulated and in closed form, and the target's."""
    target, source = correlated(N, 0), torch.randn(N, 2, generator=torch.Generator().manual_seed(1))
    source = held(source.double(), correlated(N, 2), FIRST)
    target, source = (_whitened_to(x, of) for x, of in ((target, None), (source, torch.eye(2))))
    growing = {"initial": 0.05, "growth": 0.05, "max": 0.3}
    settings = FlowSettings(horizon=40, n_times=6, step=growing, n_directions=128)
    run = simulate(source, target, settings, generator=torch.Generator().manual_seed(3), held=FIRST)
    times, found = [], []
    for snapshot in run:
        assert torch.equal(snapshot.particles[:, 0], source[:, 0])
        assert not snapshot.drift[:, 0].any()
        times.append(snapshot.time)
        found.append(torch.cov(snapshot.particles.T).numpy())
    of_target = torch.cov(target.T).numpy()
    exact = closed_form(of_target, np.array(times))
    return np.array(times), np.stack(found), exact, of_target


def _whitened_to(x: torch.Tensor, covariance: torch.Tensor | None) -> torch.Tensor:
    """Centred rows whose covariance is exactly this one (None: that of the law)."""
    wanted = torch.tensor([[1.0, CORRELATION], [CORRELATION, 1.0]])
    root = torch.linalg.cholesky((wanted if covariance is None else covariance).to(x))
    x = x - x.mean(dim=0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T @ root.T


def test_the_covariance_follows_its_closed_form(
    covariances: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """With 128 directions a step it scatters by .005; without the hold it would differ by .15."""
    _, found, exact, _ = covariances
    np.testing.assert_allclose(found, exact, atol=0.02)


def test_the_rest_ends_in_the_conditional_law(
    covariances: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Slope and residual variance of the second number given the first."""
    _, found, _, _ = covariances
    end = found[-1]
    assert end[0, 1] / end[0, 0] == pytest.approx(CORRELATION, abs=0.03)
    assert end[1, 1] - end[0, 1] ** 2 / end[0, 0] == pytest.approx(1 - CORRELATION**2, abs=0.03)


def test_noise_twin_and_tracers_leave_it_alone() -> None:
    x, y = correlated(500, 0), correlated(500, 1)
    settings = FlowSettings(horizon=2, n_times=3, step=0.2, n_directions=8, entropy=0.1)
    run = simulate(
        x, y, settings, generator=torch.Generator().manual_seed(0), held=FIRST, tracers=y[:9]
    )
    *_, last = run
    assert last.twin is not None
    assert last.tracers is not None
    for points, began in ((last.particles, x), (last.twin, x), (last.tracers, y[:9])):
        assert torch.equal(points[:, 0], began[:, 0])
        assert not torch.equal(points[:, 1], began[:, 1])


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Images of two pixels."""
    rows = {"train": correlated(300, 0), "heldout": correlated(60, 1), "test": correlated(60, 2)}
    path = tmp_path_factory.mktemp("images") / "pairs.h5"
    raw = {name: RawRows(x.numpy().reshape(-1, 1, 2)) for name, x in rows.items()}
    write_splits(raw, "pairs", path)
    return read_dataset(path)


def test_particles_hold_pixels_of_training_rows(images: Dataset) -> None:
    """Each seed those of others, n of m in turn; fresh particles too."""
    settings = SimulationSettings(
        horizon=1, n_times=2, n_particles=400, n_tracers=5, known=HalfSettings()
    )
    train = images.rows("train")[:, 0]
    began = []
    for seed in (0, 1):
        first = next(iter(Run(images, settings, seed, "cpu").snapshots()))
        assert first.tracers is not None
        np.testing.assert_array_equal(first.tracers[:, 0].numpy(), train[:5])
        assert not np.isin(first.particles[:, 1].numpy(), images.rows("train")[:, 1]).any()
        began.append(first.particles[:, 0].numpy())
        assert set(np.unique(began[-1])) == set(np.unique(train))
    assert not np.array_equal(*began)
    end = run_fresh(images, settings, 50, keyed_generator(0, "cost"))
    np.testing.assert_array_equal(end[:, 0].numpy(), train[:50])


@pytest.fixture(scope="module")
def classed(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The same in two classes, by the sign of the first pixel, of which one is rarer."""
    path = tmp_path_factory.mktemp("classed") / "pairs.h5"
    raw = {}
    for seed, (name, n) in enumerate({"train": 300, "heldout": 60, "test": 60}.items()):
        x = correlated(n, seed).numpy().reshape(-1, 1, 2)
        raw[name] = RawRows(x, (x[:, 0, 0] > 0.5).astype(int))
    write_splits(raw, "pairs", path)
    return read_dataset(path)


@pytest.mark.parametrize("twin", ["never", "always"])
def test_class_by_class_particles_hold_pixels_of_their_class(classed: Dataset, twin: str) -> None:
    settings = SimulationSettings(
        horizon=1,
        n_times=2,
        n_particles=400,
        n_tracers=90,
        labels=True,
        known=HalfSettings(),
        twin="with_entropy" if twin == "never" else twin,
    )
    train, y = classed.rows("train")[:, 0], classed.splits["train"].y
    assert y is not None
    shared = []
    for seed in (0, 1):
        run = Run(classed, settings, seed, "cpu")
        first = next(iter(run.snapshots()))
        assert first.tracers is not None
        for points, label in (
            (first.particles, run.labels(400)),
            (first.tracers, run.labels(90)),
        ):
            assert label is not None
            for known in (0, 1):
                held = points[label == known, 0].numpy()
                assert np.isin(held, train[y == known]).all()
                assert len(np.unique(held)) > 20
        common = shared_rows(400, 90)
        shared.append(first.particles[common] if twin == "always" else first.tracers)
    assert torch.equal(*shared)
    end = run_fresh(classed, settings, 50, keyed_generator(0, "cost"))
    assert np.isin(end[:, 0].numpy(), train).all()


def test_training_rows_begin_again_where_they_end(images: Dataset) -> None:
    rows = images.rows("train")
    found = training_rows(images, 602, first=299).numpy()
    np.testing.assert_array_equal(found, np.concatenate([rows[299:], rows, rows, rows[:1]]))
    assert training_rows(images, 0).shape == (0, 2)
