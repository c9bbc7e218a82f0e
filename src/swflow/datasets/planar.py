"""Laws in the plane that are drawn, not downloaded."""

import numpy as np
from sklearn.datasets import make_moons, make_swiss_roll

from swflow.datasets.make import RawRows
from swflow.settings import (
    CheckerboardSettings,
    EightGaussiansSettings,
    GaussianMixtureSettings,
    MoonsSettings,
    SwissRollSettings,
)

# Of a Gaussian mixture: half the side of the square of its means, and a component's spread.
WIDTH, SPREAD = 5.0, 0.4


def eight_gaussians(settings: EightGaussiansSettings, n: int, rng: np.random.Generator) -> RawRows:
    """Centres at radius 2, every 45 degrees; labels are the centres."""
    label = rng.integers(8, size=n)
    angle = label * (np.pi / 4)
    centre = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return RawRows(centre + settings.noise * rng.standard_normal((n, 2)), label)


def gaussian_mixture(
    settings: GaussianMixtureSettings, n: int, rng: np.random.Generator
) -> RawRows:
    """Components with random weights, axes and means: all the same for every split."""
    of_law = np.random.default_rng([settings.seed, settings.n_components])
    means = _far_apart(settings.n_components, of_law)
    factors = SPREAD * of_law.standard_normal((settings.n_components, 2, 2)) / np.sqrt(2)
    weights = of_law.dirichlet(np.full(settings.n_components, 5.0))
    label = rng.choice(settings.n_components, size=n, p=weights)
    noise = np.einsum("nij,nj->ni", factors[label], rng.standard_normal((n, 2)))
    return RawRows(means[label] + noise, label)


def _far_apart(n: int, rng: np.random.Generator) -> np.ndarray:
    """Points of a square, the next always the candidate farthest from those before."""
    points = rng.uniform(-WIDTH, WIDTH, (1, 2))
    while len(points) < n:
        candidates = rng.uniform(-WIDTH, WIDTH, (10, 2))
        distances = np.linalg.norm(candidates[:, None] - points, axis=2).min(axis=1)
        points = np.concatenate([points, candidates[[distances.argmax()]]])
    return points


def checkerboard(settings: CheckerboardSettings, n: int, rng: np.random.Generator) -> RawRows:
    """Uniform on the eight black unit squares of [-2, 2]²."""
    column = rng.integers(4, size=n)
    row = 2 * rng.integers(2, size=n) + column % 2
    return RawRows(np.stack([column, row], axis=1) - 2 + rng.random((n, 2)))


def swiss_roll(settings: SwissRollSettings, n: int, rng: np.random.Generator) -> RawRows:
    """The roll of scikit-learn, seen along its axis."""
    x, _ = make_swiss_roll(n, noise=settings.noise, random_state=_state(rng))
    return RawRows(x[:, [0, 2]])


def moons(settings: MoonsSettings, n: int, rng: np.random.Generator) -> RawRows:
    """The moons of scikit-learn, labelled."""
    x, y = make_moons(n, noise=settings.noise, random_state=_state(rng))
    return RawRows(x, y)


def _state(rng: np.random.Generator) -> int:
    """scikit-learn takes integers of 32 bits."""
    return int(rng.integers(2**32))
