"""Sliced optimal transport: directions, one-dimensional transport, distances, drift.

Pure tensor functions. Each runs on the device, and in the precision, of its input.
"""

from swflow.sliced.directions import (
    StructuredDirections,
    evaluation_directions,
    random_directions,
)
from swflow.sliced.distance import sliced_wasserstein, sorted_projections, sorted_transport_cost
from swflow.sliced.transport import Exact, Histogram, Sketch, Transport
from swflow.sliced.velocity import drift, sliced_velocity, target_goals

__all__ = [
    "Exact",
    "Histogram",
    "Sketch",
    "StructuredDirections",
    "Transport",
    "drift",
    "evaluation_directions",
    "random_directions",
    "sliced_velocity",
    "sliced_wasserstein",
    "sorted_projections",
    "sorted_transport_cost",
    "target_goals",
]
