"""Setup: what a flow was made with, as numbers."""

from typing import Any

import pytest

from swflow.metrics.setup import setup
from swflow.settings import SimulationSettings


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {}),
        ({"transport": "sketch"}, {"quantiles": 100}),
        ({"transport": "entropic", "temperature": 0.2}, {"entropic": 0.2}),
        ({"transport": "entropic", "debiased": True}, {"entropic_debiased": 0.1}),
        ({"transport": "partial", "mass": 0.8}, {"partial": 0.8}),
        ({"transport": "unbalanced", "price": 2}, {"unbalanced": 2}),
        ({"transport": "histogram"}, {}),
        ({"regularisers": [{"kind": "smoothing", "width": 0.3}]}, {"smoothing": 0.3}),
        (
            {
                "regularisers": [{"kind": "sliced_entropy", "strength": 0.01}],
                "transport": "partial",
            },
            {"sliced_entropy": 0.01, "partial": 0.9},
        ),
    ],
)
def test_every_kind_has_its_parameter(values: dict[str, Any], expected: dict[str, float]) -> None:
    found = setup(SimulationSettings.model_validate({"horizon": 2, "step": 0.1} | values))
    own = {name.removeprefix("strength_"): v for name, v in found.items() if "strength" in name}
    assert own == expected


def test_directions_and_steps_are_told_by_their_kinds() -> None:
    values = {"times": [2], "step": 0.5, "n_directions": 8, "n_particles": 50}
    kinds = {"directions": "independent", "integrator": "euler", "redraw": False}
    kinds |= {"labels": True, "target_batch": 9}
    found = setup(SimulationSettings.model_validate(values | kinds))
    assert found == {
        "n_particles": 50,
        "by_class": 1,
        "quasi": 0,
        "horizon": 2,
        "directions_fixed_independent": 8,
        "step_euler": 0.5,
        "target_batch": 9,
    }
