"""One measured number, as it ends up in metrics.csv."""

from typing import NamedTuple

# Prefixes of metrics of the ways in which a stored run serves samples (swflow.metrics.cost).
CARRIED, SHARED = "carried_", "shared_"
# Prefixes of what maps score that are not learned (swflow.metrics.optimal_map).
IDENTITY, AFFINE = "identity_", "affine_"


class Row(NamedTuple):
    """A metric's value at an entropy, time and number of passes.

    floor: what a perfect answer would score, where it is known without another row's score.
    n: sample size behind the value.
    """

    entropy: float
    time: float
    passes: int
    label: int | None
    trained: bool
    metric: str
    value: float
    floor: float | None
    n: int
