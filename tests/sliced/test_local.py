"""Local directions: bases on the tiles of images, and the flow that they make (FACTS 21)."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import swflow
from swflow.runtime.errors import InputError
from swflow.settings import FlowSettings, parse_settings
from swflow.settings.slicing import LocalSettings
from swflow.sliced.directions import local as module
from swflow.sliced.directions.local import (
    LocalDirections,
    Tiles,
    default_tiles,
    local,
    local_directions,
    tile_places,
)
from tests.helpers import normal
from tests.sliced.test_drift import clouds

SHAPES = [((4, 6), 2), ((4, 6), (4, 3)), ((3, 4, 4), 2), ((2, 4, 6), (4, 6)), ((4, 4), 1)]


def drawn(shape: tuple[int, ...], tile: Any, seed: int = 0, **how: Any) -> LocalDirections:
    generator = torch.Generator().manual_seed(seed)
    return local_directions(shape, tile, generator=generator, dtype=torch.float64, **how)


@pytest.mark.parametrize(("shape", "tile"), SHAPES)
def test_a_basis_is_orthonormal_and_each_direction_lives_on_one_tile(
    shape: tuple[int, ...], tile: Any
) -> None:
    rows = drawn(shape, tile).dense()
    d = math.prod(shape)
    torch.testing.assert_close(rows @ rows.T, torch.eye(d, dtype=torch.float64))
    k = math.prod(tile if isinstance(tile, tuple) else (tile, tile)) * d // math.prod(shape[-2:])
    assert ((rows.abs() > 1e-12).sum(dim=1) == k).all()


def test_tiles_begin_at_the_offset_and_go_round() -> None:
    """On a torus of 4 x 4 pixels, tiles of 2 x 2 from (1, 1) on: the last wraps on both sides."""
    places = tile_places((1, 4, 4), (2, 2), (1, 1))
    assert places.tolist() == [[5, 6, 9, 10], [7, 4, 11, 8], [13, 14, 1, 2], [15, 12, 3, 0]]
    both = tile_places((2, 4, 4), (2, 2), (1, 1))
    assert both[0].tolist() == [5, 6, 9, 10, 21, 22, 25, 26]


def test_one_tile_of_the_whole_image_is_an_orthonormal_block() -> None:
    """The same numbers of the same generator."""
    found = drawn((4, 6), (4, 6), offset=(0, 0)).dense()
    generator = torch.Generator().manual_seed(0)
    wanted = swflow.random_directions(24, 24, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


@pytest.mark.parametrize(("shape", "tile"), SHAPES)
@pytest.mark.parametrize("few", [1, 7, 1000])
def test_drift_is_that_along_the_written_out_directions(
    shape: tuple[int, ...], tile: Any, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many directions are taken at a time."""
    monkeypatch.setitem(module.BLOCK_ELEMENTS, "cpu", few * 75)
    x, y = clouds(30, 45, math.prod(shape))
    directions = drawn(shape, tile)
    wanted = swflow.sliced_velocity(x, y, directions.dense())
    torch.testing.assert_close(swflow.sliced_velocity(x, y, directions), wanted)
    distance = swflow.sliced_wasserstein(x, y, directions)
    torch.testing.assert_close(distance, swflow.sliced_wasserstein(x, y, directions.dense()))


def test_large_tiles_take_fast_transforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAST_FROM", 8)
    directions = drawn((2, 4, 4), 2)
    rows = directions.dense()
    torch.testing.assert_close(rows @ rows.T, torch.eye(32, dtype=torch.float64))
    assert ((rows.abs() > 1e-12).sum(dim=1) <= 8).all()
    x, y = clouds(30, 45, 32)
    torch.testing.assert_close(
        swflow.sliced_velocity(x, y, directions), swflow.sliced_velocity(x, y, rows)
    )


def test_drift_is_the_gradient_of_marginals_on_tiles() -> None:
    """−∇ of n·Σ_b k_b·½SW²(marginals on tile b), by finite differences."""
    x, y = clouds(12, 12, 24)
    (piece,) = drawn((4, 6), (2, 3)).bases[0]
    assert isinstance(piece, Tiles)

    def energy(cloud: Tensor) -> float:
        parts = (
            len(places) / 2 * swflow.sliced_wasserstein(cloud[:, places], y[:, places], rows) ** 2
            for places, rows in zip(piece.places, piece.rows, strict=True)
        )
        return len(cloud) * float(sum(parts))

    drift = swflow.sliced_velocity(x, y, drawn((4, 6), (2, 3)))
    h = 1e-5
    for row, column in ((0, 0), (3, 7), (11, 23)):
        step = torch.zeros_like(x)
        step[row, column] = h
        slope = (energy(x + step) - energy(x - step)) / (2 * h)
        assert float(drift[row, column]) == pytest.approx(-slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("entropy", [0.0, 0.1])
def test_means_relax_exactly(entropy: float) -> None:
    """FACTS 2: m' = m₁ − m for every law, with noise in expectation."""
    x, y = clouds(500, 400, 24)
    settings = {"times": [1.5], "step": 0.5, "n_directions": 24, "entropy": entropy}
    (_, last) = run_images(x, y, (4, 6), **settings)
    wanted = y.mean(0) + math.exp(-1.5) * (x.mean(0) - y.mean(0))
    scatter = 5 * math.sqrt(2 * entropy * 1.5 / len(x))
    torch.testing.assert_close(last.particles.mean(0), wanted, rtol=0, atol=1e-12 + scatter)


def test_the_homothety_family_is_exact() -> None:
    """FACTS 3: from m₀ + s₀Z to m₁ + s₁Z along m + sZ, whatever the law of the images Z."""
    z = normal(200, 24, 0).exp()
    x, y = 1 + 0.5 * z, 3 * z
    (_, last) = run_images(x, y, (4, 6), times=[2], step=0.5, n_directions=48)
    left = math.exp(-2)
    torch.testing.assert_close(last.particles, left * x + (1 - left) * y, rtol=0, atol=1e-10)


def test_gaussians_have_the_covariance_of_the_closed_form() -> None:
    """Σ' = HΣ + ΣH + 2εI, H = E Σ_l √(θᵀΣ₁θ/θᵀΣθ)θθᵀ − I over local bases.

    Clouds that have their covariance exactly leave the scatter of the directions: measured, 3 % of
    three bases a step, 1.7 % of twelve.
    """
    shape, n, entropy, end, steps = (2, 4), 10000, 0.1, 1.0, 20
    eye = torch.eye(8, dtype=torch.float64)
    root = normal(8, 8, 5) / 4 + torch.diag(torch.linspace(0.5, 1.5, 8, dtype=torch.float64))
    tiles = LocalSettings(tiles=[(2, 4), 2, 1])
    rows = local(tiles, 8 * 600, shape, torch.Generator().manual_seed(1), torch.float64).dense()

    def slope(covariance: Tensor) -> Tensor:
        goal = (rows @ root).square().sum(1)
        shares = (goal / (rows @ covariance * rows).sum(1)).sqrt()
        h = rows.T @ (shares[:, None] * rows) / 600 - eye
        return h @ covariance + covariance @ h + 2 * entropy * eye

    covariance, h = eye, end / steps
    for _ in range(steps):
        covariance = covariance + h * slope(covariance + h / 2 * slope(covariance))
    settings = {"times": [end], "step": h, "n_directions": 96, "entropy": entropy}
    settings["directions"] = {"kind": "local", "tiles": [(2, 4), 2, 1]}
    source, target = white(n, 8, 2).float(), (white(n, 8, 3) @ root.T).float()
    (_, last) = run_images(source, target, shape, **settings)
    difference = last.particles.double().T.cov() - covariance
    assert float(difference.norm() / covariance.norm()) < 0.03
    assert float((eye - covariance).norm() / covariance.norm()) > 0.2


def test_classes_fresh_subsets_entropy_and_twin_go_together() -> None:
    """Class by class, means of particles and twin are those of the rows of their class."""
    labels = torch.arange(2000) % 2
    target = normal(2000, 16, 1, torch.float32) + 4 * labels[:, None]
    source = normal(1000, 16, 0, torch.float32)
    settings = FlowSettings(
        times=[6], step=0.5, n_directions=16, entropy=0.05, target_batch=1000, directions="local"
    )
    (_, last) = swflow.simulate(
        source,
        target,
        settings,
        generator=torch.Generator().manual_seed(0),
        source_labels=labels[:1000],
        target_labels=labels,
        event_shape=(4, 4),
    )
    assert last.twin is not None
    for cloud in (last.particles, last.twin):
        for label in (0, 1):
            mean = cloud[labels[:1000] == label].mean(0)
            # Means of 500 particles and of 500 fresh rows, about 1/√500 each, and e^−6·4.
            assert float((mean - 4 * label).abs().max()) < 5 * math.sqrt(2 / 500) + 0.01


def test_tiles_are_drawn_evenly_in_their_shares(generator: torch.Generator) -> None:
    settings = LocalSettings(tiles=[4, 2, 1], shares=[1, 2, 1])
    for _ in range(20):
        found = local(settings, 4 * 16, (4, 4), generator, torch.float64)
        sizes = [piece.places.shape[1] for (piece,) in found.bases]
        assert sorted(sizes) == [1, 4, 4, 16]
    one = [local(settings, 16, (4, 4), generator, torch.float64).bases for _ in range(400)]
    sizes = [piece.places.shape[1] for ((piece,),) in one]
    # A share of ½ of 400 has deviation 10.
    assert abs(sizes.count(4) - 200) < 40


def test_default_tiles_divide_the_image() -> None:
    assert default_tiles(28, 28) == ((28, 28), (14, 14), (7, 7), (4, 4), (2, 2), (1, 1))
    assert default_tiles(12, 10) == ((12, 10), (6, 5), (2, 2), (1, 1))


def test_processes_take_bases(generator: torch.Generator) -> None:
    found = local(LocalSettings(), 5 * 16, (4, 4), generator, torch.float64)
    shares = [found.share(rank, 2) for rank in range(2)]
    assert [len(share) for share in shares] == [48, 32]
    both = torch.cat([share.dense() for share in shares])
    torch.testing.assert_close(both.T @ both, 5 * torch.eye(16, dtype=torch.float64))


@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        ((24,), {}, r"rows of shape \(24,\) are no images"),
        ((4, 6), {"tiles": [4, 3]}, "tiles of 4 x 4 do not divide images of 4 x 6"),
        ((4, 6), {"tiles": [[4, 6], [2, 4]]}, "tiles of 2 x 4 do not divide"),
    ],
)
def test_tiles_that_do_not_fit_are_said_before_the_first_step(
    shape: tuple[int, ...], settings: dict[str, Any], message: str
) -> None:
    x, y = clouds(30, 30, 24)
    directions = {"kind": "local"} | settings
    with pytest.raises(InputError, match=message):
        run_images(x, y, shape, times=[1], n_directions=24, directions=directions)


@pytest.mark.parametrize(
    ("directions", "message"),
    [
        ({"tiles": [4, 2], "shares": [1]}, r"shares = \[1.0\]: give one for each of tiles"),
        ({"shares": [1]}, "give one for each of tiles"),
        ({"tiles": [0]}, "tiles"),
        ({"tiles": []}, "tiles"),
    ],
)
def test_faults_of_settings_are_named(directions: dict[str, Any], message: str) -> None:
    settings = {"horizon": 1, "directions": {"kind": "local"} | directions}
    with pytest.raises(InputError, match=message):
        parse_settings(FlowSettings, settings, "flow")


def test_part_of_a_basis_is_refused() -> None:
    x, y = clouds(30, 30, 24)
    with pytest.raises(InputError, match="local directions come in blocks"):
        run_images(x, y, (4, 6), times=[1], n_directions=36)


def white(n: int, dim: int, seed: int) -> Tensor:
    """Normal numbers `(n, dim)` of mean 0 and covariance I, exactly."""
    z = normal(n, dim, seed)
    z = z - z.mean(0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(z.T.cov()), z.T, upper=False).T


def run_images(
    source: Tensor, target: Tensor, shape: tuple[int, ...], **settings: Any
) -> list[swflow.Snapshot]:
    settings = {"directions": "local"} | settings
    return list(
        swflow.simulate(
            source,
            target,
            FlowSettings(**settings),
            generator=torch.Generator().manual_seed(1),
            event_shape=shape,
        )
    )
