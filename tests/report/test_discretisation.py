"""Powers with which errors shrink: found of flows that differ in one number alone."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from swflow.metrics.collected import COLUMNS
from swflow.report.figures import discretisation as figures
from swflow.report.refinement import families
from swflow.report.tables import discretisation


def flow(teacher: str, setup: dict[str, float], measured: dict[str, float]) -> list[dict[str, Any]]:
    place = {"dataset": "d", "teacher": teacher, "model": "particles", "passes": 1}
    rows = []
    for seed in range(3):
        for metric, value in setup.items():
            rows.append(place | {"seed": seed, "metric": metric, "value": value})
        for metric, value in measured.items():
            at = {"entropy": 0.0, "time": 8.0, "floor": 0.001}
            rows.append(place | at | {"seed": seed, "metric": metric, "value": value})
    return rows


@pytest.fixture
def metrics() -> pd.DataFrame:
    """Directions of two kinds, and steps of two integrators."""
    rows = []
    shared = {"n_particles": 1000.0, "horizon": 8.0, "by_class": 0.0}
    for kind, exponent in (("independent", -0.5), ("orthonormal", -1.0)):
        for n in (8, 32, 128):
            setup = shared | {f"directions_{kind}": n, "step_splitting": 0.25}
            rms = 0.3 * n**exponent
            rows += flow(f"{kind}{n}", setup, {"uvp": 100 * rms**2 / 2})
    for kind, order in (("euler", 1), ("splitting", 2)):
        for step in (0.25, 0.5, 1.0):
            setup = shared | {"directions_orthonormal": 64.0, f"step_{kind}": step}
            rows += flow(f"{kind}{step}", setup, {"std_error": 0.02 * step**order})
    return pd.DataFrame(rows, columns=COLUMNS)


def test_families_differ_in_one_number_alone(metrics: pd.DataFrame) -> None:
    found = {(of.refined, of.others): sorted(of.values) for of in families(metrics)}
    assert found == {
        ("directions_independent", "splitting"): [8, 32, 128],
        ("directions_orthonormal", "splitting"): [8, 32, 64, 128],
        ("step_euler", "orthonormal"): [0.25, 0.5, 1],
        ("step_splitting", "orthonormal"): [0.25, 0.5, 1],
    }


def test_the_powers_of_errors_are_found(metrics: pd.DataFrame) -> None:
    table = discretisation.table(metrics).set_index(["refined", "measure"])
    assert table["power"].to_dict() == pytest.approx(
        {
            ("directions_independent", "repeatability"): -0.5,
            ("directions_orthonormal", "repeatability"): -1,
            ("step_euler", "std_error"): 1,
            ("step_splitting", "std_error"): 2,
        }
    )
    assert table.loc[("step_euler", "std_error"), "floor"] == 0.001
    assert np.isnan(table.loc[("directions_independent", "repeatability"), "floor"])
    assert table.loc[("directions_independent", "repeatability"), "largest"] == pytest.approx(
        0.3 * 8**-0.5
    )


def test_a_panel_for_each_error_has_a_line_for_each_kind(metrics: pd.DataFrame) -> None:
    figure = figures.figure(metrics)
    first, second = (axes for axes in figure.axes if axes.get_visible())
    texts = [
        [text.get_text() for text in axes.get_legend().get_texts()] for axes in (first, second)
    ]
    assert texts[0] == [
        "independent, splitting: power -0.50",
        "orthonormal, splitting: power -1.00",
    ]
    assert texts[1] == ["euler, orthonormal: power 1.00", "splitting, orthonormal: power 2.00"]


def test_dimensions_are_those_of_the_datasets_of_one_flow() -> None:
    rows = []
    for dim in (4, 16, 64):
        setup = {"n_particles": 1000.0, "dim": dim, "directions_independent": 64.0}
        own = flow("f", setup, {"uvp": 100 * (0.01 * dim**0.5) ** 2 / 2})
        rows += [row | {"dataset": f"g{dim}"} for row in own]
    metrics = pd.DataFrame(rows, columns=COLUMNS)
    table = discretisation.table(metrics).set_index("refined")
    assert table.loc["dim", "dataset"] == "g4 to g64"
    assert table.loc["dim", "power"] == pytest.approx(0.5)
    shown = [axes for axes in figures.figure(metrics).axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in shown] == ["dimensions"]
