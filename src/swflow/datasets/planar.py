"""Laws in the plane that are drawn, not downloaded."""

import numpy as np
from sklearn.datasets import make_moons, make_swiss_roll

from swflow.datasets.file import Split
from swflow.settings import (
    CheckerboardSettings,
    EightGaussiansSettings,
    MoonsSettings,
    SwissRollSettings,
)


def eight_gaussians(settings: EightGaussiansSettings, n: int, rng: np.random.Generator) -> Split:
    """Centres at radius 2, every 45 degrees; labels are the centres."""
    label = rng.integers(8, size=n)
    angle = label * (np.pi / 4)
    centre = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Split(centre + settings.noise * rng.standard_normal((n, 2)), label)


def checkerboard(settings: CheckerboardSettings, n: int, rng: np.random.Generator) -> Split:
    """Uniform on the eight black unit squares of [-2, 2]²."""
    column = rng.integers(4, size=n)
    row = 2 * rng.integers(2, size=n) + column % 2
    return Split(np.stack([column, row], axis=1) - 2 + rng.random((n, 2)))


def swiss_roll(settings: SwissRollSettings, n: int, rng: np.random.Generator) -> Split:
    """The roll of scikit-learn, seen along its axis."""
    x, _ = make_swiss_roll(n, noise=settings.noise, random_state=_state(rng))
    return Split(x[:, [0, 2]])


def moons(settings: MoonsSettings, n: int, rng: np.random.Generator) -> Split:
    """The moons of scikit-learn, labelled."""
    x, y = make_moons(n, noise=settings.noise, random_state=_state(rng))
    return Split(x, y)


def _state(rng: np.random.Generator) -> int:
    """scikit-learn takes integers of 32 bits."""
    return int(rng.integers(2**32))
