"""From score files to metrics.csv and tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from swflow.metrics.collected import COLUMNS
from swflow.report.tables import cost, fidelity, generation, regularisation, twin
from swflow.runtime.errors import InputError
from swflow.stages.collect import collect, gathered, read_metrics, stage_shares
from swflow.stages.tabulate import write_table
from swflow.store.scores import write_scores


def row(metric: str, value: float, **place: Any) -> dict[str, Any]:
    empty = {"entropy": 0.0, "time": 2.0, "passes": 1, "label": None, "trained": True}
    return empty | {"metric": metric, "value": value, "floor": None, "n": 10} | place


def write_score(root: Path, model: str, seed: int, rows: list[dict[str, Any]]) -> Path:
    teacher = "data" if model == "test_set" else "plane"
    path = root / "scores" / "digits" / teacher / model / f"seed{seed}" / "some.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_scores(path, rows)
    return path


@pytest.fixture
def scores(tmp_path: Path) -> list[Path]:
    paths = []
    for seed in range(3):
        noise = 0.01 * seed
        near = [
            row("memorisation_a", 0.6),
            row("memorisation_s", 0.5),
            row("memorisation_a_error", 0.01 * (seed + 1)),
            row("memorisation_s_error", 0.01),
            row("coverage", 0.9),
        ]
        particles = [
            row("sw2", 0.04 + noise),
            row("sw2_error", 0.001),
            row("sw2_large", 0.01),
            row("c2st", 0.5),
            row("uvp", 2.0),
            row("sw_train", 0.5, time=0.0, floor=0.0),
            row("seconds_per_1000", 4.0),
            row("simulate_seconds", 9.0),
            row("sw_test", 0.3),
            row("sw2_twin", 0.0025),
            row("sw_few", 0.4),
            row("carried_seconds_per_1000", 9.0),
            row("carried_sw_few", 0.3),
            row("shared_seconds_per_1000", 0.5),
            row("shared_sw_few", 0.2),
        ]
        model = [
            row("sw2", 0.09 + noise),
            row("sw2_error", 0.001),
            row("sw2_large", 0.0125),
            row("c2st", 0.56),
            row("uvp", 3.0),
            row("seconds_per_1000", 0.1),
            row("sw_test", 0.35),
            *near,
        ]
        nowhere = {"entropy": None, "time": None}
        real = [row("sw_test", 0.2 + noise, **nowhere)]
        real += [near_row | nowhere for near_row in near]
        real[1]["value"] = 0.5
        for name, rows in (("particles", particles), ("flow_map", model), ("test_set", real)):
            paths.append(write_score(tmp_path, name, seed, rows))
    return paths


@pytest.fixture
def metrics(scores: list[Path]) -> pd.DataFrame:
    return gathered(scores)


def test_long_form_has_the_promised_columns(
    scores: list[Path], metrics: pd.DataFrame, tmp_path: Path
) -> None:
    assert list(metrics) == COLUMNS
    collect(scores, tmp_path / "metrics.csv")
    pd.testing.assert_frame_equal(
        read_metrics(tmp_path / "metrics.csv"), metrics, check_dtype=False
    )


def test_floors_are_the_flows_and_the_real_rows_scores(metrics: pd.DataFrame) -> None:
    model = metrics[metrics["model"] == "flow_map"].set_index(["metric", "seed"])["floor"]
    assert model["sw2"].tolist() == pytest.approx([0.04, 0.05, 0.06])
    assert model["c2st"].tolist() == [0.5] * 3
    assert model["sw_test"].tolist() == pytest.approx([0.2, 0.21, 0.22])
    assert model["seconds_per_1000"].isna().all()
    kept = metrics[metrics["metric"] == "sw_train"]["floor"]
    assert (kept == 0).all()


def test_fidelity_is_the_quotient_of_mean_squares(metrics: pd.DataFrame) -> None:
    table = fidelity.table(metrics)
    assert table["model"].tolist() == ["flow_map"]
    found = table.iloc[0]
    assert found["ratio"] == pytest.approx(np.sqrt(0.10 / 0.05))
    assert found["ratio_low"] < found["ratio"] < found["ratio_high"]
    assert found["excess"] == pytest.approx(100 * np.sqrt(0.0025) / 0.5)
    assert found["c2st_difference"] == pytest.approx(0.06)
    assert (found["uvp"], found["repeatability"]) == (3.0, 2.0)


def test_generation_and_cost_put_the_flow_beside_the_model(metrics: pd.DataFrame) -> None:
    table = generation.table(metrics).set_index("model")
    assert table["sw_test"].to_dict() == pytest.approx(
        {"flow_map": 0.35, "particles": 0.3, "test_set": 0.21}
    )


def test_cost_puts_every_way_to_draw_beside_the_others(metrics: pd.DataFrame) -> None:
    table = cost.table(metrics).set_index("model")
    assert table["seconds_per_1000"].to_dict() == pytest.approx(
        {"flow_map": 0.1, "particles": 4, "particles, carried": 9, "particles, shared": 0.5}
    )
    map_row = table.loc["flow_map"]
    assert map_row["faster_than_particles"] == pytest.approx(40)
    assert map_row["faster_than_particles_carried"] == pytest.approx(90)
    assert map_row["faster_than_particles_shared"] == pytest.approx(5)
    assert table.loc["particles, shared", "simulate_seconds"] == 9
    assert table.loc["particles, shared", "sw_few"] == pytest.approx(0.2)


def test_regularisation_has_intervals_around_the_mean_over_seeds(metrics: pd.DataFrame) -> None:
    table = regularisation.table(metrics).set_index("model")
    found = table.loc["flow_map"]
    assert found["memorisation_a"] == pytest.approx(0.6)
    # √ of the mean square of errors .01, .02, .03 is .0216.
    assert found["memorisation_a_high"] - 0.6 == pytest.approx(1.96 * 0.0216, rel=1e-3)
    assert found["memorisation_s_low"] == pytest.approx(0.5 - 1.96 * 0.01)
    assert found["floor"] == pytest.approx(0.21)
    assert table.loc["test_set", "memorisation_a"] == pytest.approx(0.5)


def test_twin_stands_beside_run_to_run(metrics: pd.DataFrame) -> None:
    table = twin.table(metrics)
    assert table["sw"].tolist() == pytest.approx([0.05])
    assert table["floor"].tolist() == pytest.approx([0.1])
    assert table["ratio"].tolist() == pytest.approx([0.5])


def test_tables_are_written_for_people_and_programs(metrics: pd.DataFrame, tmp_path: Path) -> None:
    write_table(fidelity.table(metrics), tmp_path, "fidelity")
    assert pd.read_csv(tmp_path / "fidelity.csv")["ratio"].notna().all()
    text = (tmp_path / "fidelity.md").read_text()
    assert "0.224 ± 0.0" in text
    assert "1.41 [" in text
    assert r"\toprule" in (tmp_path / "fidelity.tex").read_text()


def test_missing_or_foreign_scores_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no score file was given"):
        collect([], tmp_path / "metrics.csv")
    path = tmp_path / "notes.json"
    path.write_text("[]")
    with pytest.raises(InputError, match=r"notes.json: not a score file …/dataset/"):
        gathered([path])
    former = write_score(tmp_path, "flow_map", 0, [])
    former.write_text("[]")
    with pytest.raises(InputError, match=r"some.json: scores of another version: remove"):
        gathered([former])
    (tmp_path / "metrics.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"columns .* are missing"):
        read_metrics(tmp_path / "metrics.csv")


def test_shares_add_up(tmp_path: Path) -> None:
    for name, seconds in (("train/a", 30.0), ("train/b", 30.0), ("score/a", 40.0)):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"s\th:m:s\n{seconds}\t0:00:30\n")
    text = stage_shares(tmp_path)
    assert "| train   |      2 |        60 |        60 |" in text
    with pytest.raises(InputError, match="no benchmark file"):
        stage_shares(tmp_path / "nothing")
