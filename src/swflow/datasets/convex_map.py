"""Laws that are the image of N(0, I) under a known optimal map."""

import numpy as np

from swflow.datasets.file import Split
from swflow.optimal_maps import ConvexMap
from swflow.settings import ConvexMapSettings


def convex_map(settings: ConvexMapSettings, n: int, rng: np.random.Generator) -> Split:
    """Images of independent standard normal points."""
    return Split(ConvexMap.random(settings)(rng.standard_normal((n, settings.dim))))
