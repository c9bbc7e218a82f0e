"""Repeatability: a table and a figure of flows whose runs carry the same points apart."""

import pandas as pd
import pytest

from swflow.metrics.collected import COLUMNS
from swflow.report.figures import repeatability as drawn
from swflow.report.tables import repeatability
from swflow.runtime.errors import InputError
from tests.report.test_image_tables import row

TIMES, APART = (0.0, 10.0, 100.0), {"one": 12.0, "four": 3.0}


@pytest.fixture
def metrics() -> pd.DataFrame:
    """Two flows; of a model the same metric is something else."""
    rows = []
    for seed in range(3):
        for teacher, apart in APART.items():
            for k, time in enumerate(TIMES):
                place = {"entropy": 0.0, "time": time, "teacher": teacher}
                rows.append(row("particles", "uvp", apart * k + seed * k, seed, **place))
                rows.append(row("map", "uvp", 50.0, seed, **place))
            rows.append(row("particles", "simulate_seconds", apart, seed, **place))
    return pd.DataFrame(rows, columns=COLUMNS)


def test_rows_are_of_flows_alone(metrics: pd.DataFrame) -> None:
    table = repeatability.table(metrics).set_index(["teacher", "time"])
    assert len(table) == 6
    assert table.loc[("one", 100.0), "repeatability"] == pytest.approx(2 * 12 + 2)
    assert table.loc[("one", 100.0), "repeatability_std"] == pytest.approx(2)
    assert table.loc[("four", 10.0), "simulate_seconds"] == pytest.approx(3)


def test_each_flow_is_a_line_from_the_first_time_on(metrics: pd.DataFrame) -> None:
    (axes,) = drawn.figure(metrics).axes
    first, second = (list(line.get_ydata()) for line in axes.lines)
    assert [first, second] == [pytest.approx([4, 8]), pytest.approx([13, 26])]


def test_one_flow_alone_is_refused(metrics: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="no two flows that were repeated"):
        drawn.figure(metrics[metrics["teacher"] == "one"])
    assert repeatability.table(metrics.iloc[:0]).empty
