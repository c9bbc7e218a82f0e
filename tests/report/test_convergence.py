"""The figure of convergence: what stands above a time is the number of steps up to it."""

import pandas as pd
import pytest

from swflow.metrics.collected import COLUMNS
from swflow.report.figures import convergence
from swflow.report.names import renamed

TIMES = [0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 400.0]


@pytest.fixture
def metrics() -> pd.DataFrame:
    place = {"dataset": "d", "teacher": "f", "model": "particles", "passes": 1, "entropy": 0.0}
    rows = [
        {**place, "seed": seed, "time": time, "metric": metric, "value": value, "floor": floor}
        for seed in range(3)
        for index, time in enumerate(TIMES)
        for metric, value, floor in (
            ("sw_train", 1 / (1 + time), 0.01),
            ("sw_heldout", 2 / (1 + time), 0.02),
            ("steps", 10 * index, None),
        )
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_steps_stand_above_their_times(metrics: pd.DataFrame) -> None:
    figure = convergence.figure(metrics)
    figure.canvas.draw()
    below, above = figure.axes
    for time, label in zip(above.get_xticks(), above.get_xticklabels(), strict=True):
        assert int(label.get_text()) == 10 * TIMES.index(time)
        place = above.transData.transform((time, 0))[0]
        assert place == pytest.approx(below.transData.transform((time, 1))[0])
    assert len(above.get_xticks()) == 4
    assert above.get_title() == ""


def test_presets_are_called_by_their_names(metrics: pd.DataFrame) -> None:
    figure = convergence.figure(renamed(metrics, {"d": "digits", "f": "all together"}))
    assert figure.axes[0].get_title() == "digits, flow “all together”"
    assert set(metrics["dataset"]) == {"d"}


def test_curves_are_means_over_seeds_over_time(metrics: pd.DataFrame) -> None:
    below = convergence.figure(metrics).axes[0]
    solid = next(line for line in below.lines if len(line.get_xdata()) == len(TIMES))
    assert list(solid.get_xdata()) == TIMES
    assert list(solid.get_ydata()) == pytest.approx([2 / (1 + time) for time in TIMES])
