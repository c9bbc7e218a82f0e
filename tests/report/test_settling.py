"""When flows come near to real rows, by three distances."""

import numpy as np
import pandas as pd
import pytest

from swflow.metrics.collected import COLUMNS
from swflow.report.figures import settling as figures
from swflow.report.tables import settling
from swflow.runtime.errors import InputError


@pytest.fixture
def metrics() -> pd.DataFrame:
    """SW and energy distance that fall to 2 and 3 floors at τ = 4, and are told apart till 8."""
    rows = []
    place = {"dataset": "d", "teacher": "f", "model": "particles", "passes": 1, "entropy": 0.0}
    for seed in range(3):
        for time in (0.0, 1.0, 2.0, 4.0, 8.0):
            near = time >= 4
            measured = {
                "sw_test": (0.2 if near else 0.8 / max(time, 1), 0.1),
                "energy_test": (0.03 if near else 0.3, 0.01),
                "c2st_test": (0.5 if time >= 8 else 0.7, 0.5),
            }
            for metric, (value, floor) in measured.items():
                of = {"seed": seed, "time": time, "metric": metric}
                rows.append(place | of | {"value": value, "floor": floor})
    return pd.DataFrame(rows, columns=COLUMNS)


def test_the_first_time_near_the_least_is_found(metrics: pd.DataFrame) -> None:
    table = settling.table(metrics).set_index("distance")
    assert table["settled"].to_dict() == {"sw": 4, "energy": 4, "c2st": 8}
    assert table["least"].to_dict() == pytest.approx({"sw": 2, "energy": 3, "c2st": 0.5})
    assert table["first"].to_dict() == pytest.approx({"sw": 8, "energy": 30, "c2st": 0.7})
    assert (table["seeds"] == 3).all()


def test_flows_that_were_scored_once_are_left_out(metrics: pd.DataFrame) -> None:
    once = metrics[metrics["time"] == 8]
    assert not len(settling.table(once))
    with pytest.raises(InputError, match="no distance to real rows at several times"):
        figures.figure(once)


def test_a_panel_for_each_distance_has_the_floor_of_real_rows(metrics: pd.DataFrame) -> None:
    figure = figures.figure(metrics)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "SW₂ to real rows / floor",
        "energy distance / floor",
        "told from real rows (C2ST)",
    ]
    for axes, level, values in zip(
        figure.axes, (1, 1, 0.5), ([8, 4, 2, 2], [30, 30, 3, 3], [0.7, 0.7, 0.7, 0.5]), strict=True
    ):
        curve, floor = axes.lines
        np.testing.assert_allclose(curve.get_ydata(), values)
        assert set(floor.get_ydata()) == {level}
