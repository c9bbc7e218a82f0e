"""Laws that are the image of N(0, I) under a known optimal map."""

import numpy as np

from swflow.datasets.make import RawRows
from swflow.flow.optimal_maps import ConvexMap
from swflow.settings import ConvexMapSettings


def convex_map(settings: ConvexMapSettings, n: int, rng: np.random.Generator) -> RawRows:
    """Images of independent standard normal points; what makes the map is in the attributes."""
    exact = ConvexMap.random(settings)
    attributes = {f"map_{name}": value for name, value in exact._asdict().items()}
    return RawRows(exact(rng.standard_normal((n, settings.dim))), attributes=attributes)
