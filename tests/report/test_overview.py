"""Tables over all times and entropies, over classes, and of memorisation, from made-up scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from swflow.report.figures import control, generalisation, quality_over_cost
from swflow.report.figures import memorisation as memorisation_figure
from swflow.report.tables import labels, overview
from swflow.report.tables import memorisation as memorisation_table
from swflow.runtime.errors import InputError
from swflow.stages.collect import gathered
from tests.report.test_tables import row, write_score

SEEDS, TIMES, ENTROPIES = (0, 1, 2), (1.0, 2.0), (0.0, 0.1)
FLOOR, START = 0.04, 0.5


def model_rows(seed: int) -> list[dict[str, Any]]:
    """Learned from at time 2 and ε = 0; the ratio there is 1, and 2 at the other time."""
    rows = []
    for entropy in ENTROPIES:
        for time in TIMES:
            at = {"entropy": entropy, "time": time, "trained": (entropy, time) == (0.0, 2.0)}
            square = FLOOR if time == 2 else 4 * FLOOR
            copied = 0.6 if (entropy, time) == (0.1, 2.0) else 0.5
            rows += [
                row("sw2", square * (1 + 0.1 * (seed - 1)), **at),
                row("sw2_error", 0.0, **at),
                row("sw2_large", 0.01 + (0.01 if time == 2 else 0.0), **at),
                row("sw2_quasi", FLOOR / 4, **at),
                row("sw2_interpolated", FLOOR, **at),
                row("c2st", 0.52, **at),
                row("uvp", 3.0 + time, **at),
                row("memorisation_a", copied, **at),
                row("memorisation_s", 0.5, **at),
                row("memorisation_a_error", 0.01, **at),
                row("memorisation_s_error", 0.01, **at),
                row("copied", 0.1, **at),
                row("copied_error", 0.05, **at),
            ]
    classes = {"entropy": 0.0, "time": 2.0}
    rows += [row("sw2_class", 0.01 * (1 + label), label=label, **classes) for label in (0, 3)]
    rows += [row("label_agreement", 0.9, **classes), row("train_seconds", 80.0, **classes)]
    return rows


def flow_rows(sampling: float) -> list[dict[str, Any]]:
    rows = [row("sw_train", START, time=0.0, entropy=e, floor=0.0) for e in ENTROPIES]
    for entropy in ENTROPIES:
        for time in TIMES:
            at = {"entropy": entropy, "time": time}
            rows += [
                row("sw2", FLOOR, **at),
                row("sw2_error", 0.0, **at),
                row("sw2_large", 0.01, **at),
                row("c2st", 0.5, **at),
                row("uvp", 2.0, **at),
                row("memorisation_a", sampling, **at),
                row("memorisation_s", 0.5, **at),
                row("memorisation_a_error", 0.01, **at),
                row("memorisation_s_error", 0.01, **at),
                row("copied", 0.1, **at),
                row("copied_error", 0.05, **at),
            ]
            rows += [row("coverage", 0.8, **at), row("sw_test", 0.2, **at)] * (time == 2)
    rows += [row("sw2_class", 0.01, label=k, entropy=0.0, time=2.0) for k in (0, 3)]
    return rows


def made_up(root: Path, flow_copies: float = 0.5) -> pd.DataFrame:
    nowhere = {"entropy": None, "time": None}
    real = [row("label_agreement", 0.95, **nowhere), row("train_rows", 300.0, **nowhere)]
    real += [row("sw_test", 0.2, **nowhere), row("coverage", 0.9, **nowhere)]
    real += [row(f"memorisation_{k}", 0.5, **nowhere) for k in "as"]
    real += [row(f"memorisation_{k}_error", 0.01, **nowhere) for k in "as"]
    paths = []
    for seed in SEEDS:
        ends = {"entropy": 0.0, "time": 2.0}
        model = [*model_rows(seed), row("sw_test", 0.3, **ends), row("coverage", 0.7, **ends)]
        for name, rows in (
            ("particles", flow_rows(flow_copies)),
            ("flow_map", model),
            ("test_set", real),
        ):
            paths.append(write_score(root, name, seed, rows))
    return gathered(paths)


def test_overview_tells_what_was_learned_from_and_the_worst_point(tmp_path: Path) -> None:
    table = overview.table(made_up(tmp_path)).set_index("learned")
    assert set(table.index) == {"both", "time", "entropy", "neither"}
    assert (table["points"] == 1).all()
    learned, neither = table.loc["both"], table.loc["neither"]
    assert (learned["ratio"], learned["worst_ratio"]) == pytest.approx((1, 1), rel=2e-3)
    # Seeds have .9, 1 and 1.1 times the square.
    assert learned["ratio_std"] == pytest.approx(np.std(np.sqrt([0.9, 1, 1.1]), ddof=1))
    assert neither["worst_ratio"] == pytest.approx(2)
    assert neither["worst_quasi"] == pytest.approx(0.5)
    assert neither["worst_interpolated"] == pytest.approx(1)
    assert learned["worst_excess"] == pytest.approx(100 * 0.1 / START)
    assert neither["worst_excess"] == 0
    assert learned["worst_c2st_difference"] == pytest.approx(0.02)
    assert (learned["worst_uvp_beyond"], neither["worst_uvp_beyond"]) == (3, 2)
    assert learned["train_seconds"] == 80


@pytest.mark.parametrize(("flow_copies", "expected"), [(0.5, 1), (0.6, 0)])
def test_copies_count_only_where_the_flow_has_none(
    tmp_path: Path, flow_copies: float, expected: int
) -> None:
    table = overview.table(made_up(tmp_path, flow_copies)).set_index("learned")
    assert table.loc["time", "copies"] == expected  # ε = .1, τ = 2
    assert table["copies"].sum() == expected


def test_memorisation_has_upper_limits_beside_the_flows(tmp_path: Path) -> None:
    table = memorisation_table.table(made_up(tmp_path)).set_index(["model", "entropy", "time"])
    found = table.loc[("flow_map", 0.1, 2.0)]
    assert found["beyond_a"] == pytest.approx(0.1 + 1.96 * 0.01)
    assert found["flow_beyond_a"] == pytest.approx(1.96 * 0.01)
    assert found["beyond_copied"] == found["flow_beyond_copied"] == pytest.approx(0.1 + 1.96 * 0.05)


def test_labels_have_the_mean_and_the_worst_class(tmp_path: Path) -> None:
    table = labels.table(made_up(tmp_path)).set_index("model")
    found = table.loc["flow_map"]
    assert (found["ratio"], found["worst"]) == pytest.approx((1.5, 2))
    assert (found["agreement"], found["real"]) == pytest.approx((90, 95))
    assert table.loc["particles", "worst"] == 1


def test_figures_of_control_and_memorisation_show_every_entropy(tmp_path: Path) -> None:
    metrics = made_up(tmp_path)
    for draw in (control.figure, memorisation_figure.figure):
        labels = {text.get_text() for text in draw(metrics).legends[0].get_texts()}
        assert {"ε = 0", "ε = 0.1"} <= labels
        assert not [label for label in labels if "_" in label]  # words, not names of presets


def test_models_of_the_data_alone_have_no_panel_over_time(tmp_path: Path) -> None:
    metrics = made_up(tmp_path)
    rival = metrics[metrics["model"] == "flow_map"].assign(teacher="data", entropy=float("nan"))
    second = rival.assign(model="another")
    figures = (
        memorisation_figure.figure(pd.concat(parts))
        for parts in ([metrics], [metrics, rival, second])
    )
    before, after = (len(figure.axes) for figure in figures)
    assert after == before


def test_generalisation_needs_two_sizes_of_a_dataset(tmp_path: Path) -> None:
    metrics = made_up(tmp_path)
    with pytest.raises(ValueError, match="no flow on two sizes"):
        generalisation.figure(metrics)
    small = metrics.assign(dataset="digits_few")
    small.loc[small["metric"] == "train_rows", "value"] = 100
    figure = generalisation.figure(pd.concat([metrics, small]))
    ticks = {tick.get_text() for tick in figure.axes[0].get_xticklabels()}
    assert ticks == {"100", "300"}


def test_quality_over_cost_shows_every_method_of_every_learned_dataset(tmp_path: Path) -> None:
    ends = [{"entropy": entropy, "time": 2.0} for entropy in ENTROPIES]
    made = {
        "particles": [("sw_test", 0.2), ("seconds_per_1000", 2.0)],
        "flow_map": [("sw_test", 0.4), ("seconds_per_1000", 0.02)],
    }
    paths = [
        write_score(tmp_path, name, 0, [row(*score, **end) for score in scores for end in ends])
        for name, scores in made.items()
    ]
    real = row("sw_test", 0.1, entropy=None, time=None)
    paths.append(write_score(tmp_path, "test_set", 0, [real]))
    metrics = gathered(paths)
    with pytest.raises(InputError, match="no samples beside their cost"):
        quality_over_cost.figure(metrics[metrics["model"] != "flow_map"])
    figure = quality_over_cost.figure(metrics)
    axes, *_ = figure.axes
    drawn = {
        (round(float(x), 6), round(float(y), 6))
        for line in axes.lines
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }
    assert {(2.0, 2.0), (0.02, 4.0)} <= drawn
    assert {text.get_text() for text in axes.texts} == {""}  # the smallest entropy alone, 0
    named = {text.get_text() for text in figure.legends[0].get_texts()}
    assert named == {"the flow “plane”", "flow map", "held-out real rows"}
