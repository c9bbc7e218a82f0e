"""The table and the figure of images: rows of real images, floors, intervals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from swflow.metrics.collected import COLUMNS
from swflow.report.figures import flows
from swflow.report.figures import images as drawn
from swflow.report.tables import images
from swflow.runtime.errors import InputError


def row(model: str, metric: str, value: float, seed: int, **place: Any) -> dict[str, Any]:
    teacher = "data" if model == "test_set" else "classes"
    empty = {"entropy": None, "time": None, "passes": 1, "label": None, "trained": True}
    own = {"dataset": "codes", "teacher": teacher, "model": model, "seed": seed}
    return own | empty | {"metric": metric, "value": value, "floor": None, "n": 10} | place


@pytest.fixture
def metrics() -> pd.DataFrame:
    rows = []
    for seed in range(3):
        for prefix, distance in {"": 2.0, "training_": 1.9, "decoded_": 5.0}.items():
            rows.append(row("test_set", f"{prefix}feature_frechet", distance, seed))
            rows.append(row("test_set", f"{prefix}feature_frechet_error", 0.3, seed))
            rows.append(row("test_set", f"{prefix}class_agreement", 0.9, seed))
        rows.append(row("test_set", "training_feature_copied", 1.0, seed))
        rows.append(row("test_set", "training_feature_copied_error", 0.05, seed))
        for model, distance in (("particles", 6.0), ("map", 8.0)):
            for time in (10.0, 100.0):
                place = {"entropy": 0.0, "time": time}
                value = distance * (11 if time == 10 else 1) + seed
                rows.append(row(model, "feature_frechet", value, seed, **place))
                for space in ("feature", "pixel"):
                    rows.append(row(model, f"{space}_copied", 0.2, seed, **place))
                    rows.append(row(model, f"{space}_copied_error", 0.1, seed, **place))
        end = {"entropy": 0.0, "time": 100.0}
        rows.append(row("map", "even_feature_frechet", 7.0, seed, **end))
    return pd.DataFrame(rows, columns=COLUMNS)


def test_real_images_are_rows_of_their_own_and_the_first_is_the_floor(
    metrics: pd.DataFrame,
) -> None:
    table = images.table(metrics)
    assert table["model"].tolist() == [
        *("real images", "training images", "real images, encoded and decoded"),
        *("map", "map", "particles", "particles", "map, evenly spread"),
    ]
    ratios = table.set_index(["model", "time"])["ratio"]
    assert ratios.iloc[:3].tolist() == pytest.approx([1, 0.95, 2.5])
    assert ratios["map", 100.0] == pytest.approx((8 + 1) / 2)
    assert ratios["map, evenly spread", 100.0] == pytest.approx(3.5)
    assert ratios["particles", 10.0] == pytest.approx((66 + 1) / 2)
    assert table.loc[table["model"] == "map", "ratio_std"].iloc[0] == pytest.approx(0.5)
    # Of the images that are compared, and of those by whose distance it is divided.
    assert table["ratio_error"].iloc[0] == pytest.approx(0.3 / 2)
    assert table["ratio_error"].iloc[1] == pytest.approx(np.hypot(0.3 / 2, 0.95 * 0.3 / 2))
    assert table["agreement"].iloc[0] == pytest.approx(90)


def test_copied_fractions_have_intervals(metrics: pd.DataFrame) -> None:
    """Seeds share the rows that the errors are of: they do not grow smaller with more seeds."""
    table = images.table(metrics).set_index("model")
    copies = table.loc["training images"]
    assert copies["feature_copied"] == pytest.approx(1)
    assert copies["feature_copied_high"] == pytest.approx(1 + 1.96 * 0.05)
    assert pd.isna(copies["pixel_copied"])


def test_figure_shows_ratios_and_copies_over_time(metrics: pd.DataFrame) -> None:
    figure = drawn.figure(metrics)
    ratio, features, pixels = figure.axes
    flow = next(line for line in ratio.lines if line.get_linestyle() == "--")
    assert list(flow.get_ydata()) == pytest.approx([67 / 2, 7 / 2])
    levels = [line.get_ydata()[0] for line in ratio.lines if len(set(line.get_ydata())) == 1]
    assert sorted(levels) == pytest.approx([1, 2.5])
    for axes in (features, pixels):
        assert all(y == pytest.approx(0.2) for y in axes.lines[0].get_ydata())
    with pytest.raises(InputError, match="no images of a flow"):
        drawn.figure(metrics[metrics["model"] == "test_set"])


def test_flows_to_the_same_images_are_lines_of_one_panel(metrics: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="no two flows to the same images"):
        flows.figure(metrics)
    fine = metrics[metrics["metric"] == "feature_frechet"]
    more = [fine.assign(metric=name) for name in ("pixel_frechet", "sharpness")]
    one = pd.concat([metrics, *more])
    other = one[one["model"] == "particles"].assign(teacher="global")
    both = pd.concat([one, other.assign(value=2 * other["value"])])
    figure = flows.figure(both)
    for axes in figure.axes:
        lines = [
            line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() == "o"
        ]
        assert len(lines) == 2
        first, second = (line.get_ydata() for line in lines)
        assert list(second) == pytest.approx([2 * value for value in first])
