"""Kinds of regularisation, what they buy at equal distance, and when copies begin."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from swflow.metrics.collected import COLUMNS
from swflow.report.copying import first_above, fitted
from swflow.report.figures import copying as copying_figure
from swflow.report.figures import kinds as kinds_figure
from swflow.report.figures import matched as matched_figure
from swflow.report.powers import power
from swflow.report.regularisers import kinds
from swflow.report.tables import copying, copying_power, matched, paths, regularisation
from swflow.runtime.errors import InputError

SEEDS = range(3)
MODELS = ("particles", "flow_map")


def rows_of(teacher: str, seed: int, model: str, **values: float) -> list[dict[str, Any]]:
    """Metrics of one row at one point; `strength_…` and `n_particles` are of the flow."""
    point = {name: values.pop(name) for name in ("entropy", "time")}
    place = {"dataset": "d", "teacher": teacher, "model": model, "seed": seed, "passes": 1}
    floors = {"energy_test": 0.1}
    return [
        {**place, **(point if metric in MEASURED else {}), "metric": metric, "value": value}
        | {"floor": floors.get(metric), "n": 10, "trained": True}
        for metric, value in values.items()
    ]


MEASURED = (
    *("energy_test", "copied", "copied_error", "coverage", "spread"),
    *("memorisation_a", "memorisation_a_error", "memorisation_s", "memorisation_s_error"),
    "sw_test",
)


def point(distance: float, copied: float) -> dict[str, float]:
    """What is measured where the distance is so many floors."""
    found = dict.fromkeys(MEASURED, 0.5) | {"energy_test": 0.1 * distance, "copied": copied}
    return found | {"copied_error": 0.01, "memorisation_a_error": 0.01, "memorisation_s_error": 0.1}


@pytest.fixture
def metrics() -> pd.DataFrame:
    """A flow that comes nearer and copies more; entropy, and a temperature that buys more."""
    rows = []
    for seed in SEEDS:
        for model, less in zip(MODELS, (0.0, 0.3), strict=True):
            for time, distance, copied in ((1, 8, 0.0), (4, 4, 0.2), (16, 2, 0.4)):
                at = point(distance, copied - less)
                rows += rows_of("plain", seed, model, entropy=0.0, time=time, **at)
            at = point(4, 0.2 - less)
            rows += rows_of("plain", seed, model, entropy=0.1, time=16, **at)
            for flow, distance, copied in (("warm", 4, 0.1), ("hot", 8, 0.0)):
                at = point(distance, copied - less)
                rows += rows_of(flow, seed, model, entropy=0.0, time=16, **at)
        nowhere = {"entropy": np.nan, "time": np.nan}
        for flow, setup in (
            ("plain", {}),
            ("warm", {"strength_entropic": 0.1}),
            ("hot", {"strength_entropic": 1.0}),
        ):
            rows += rows_of(flow, seed, "particles", **nowhere, n_particles=100.0, **setup)
    return pd.DataFrame(rows, columns=COLUMNS)


def test_kinds_are_those_that_flows_were_made_with(metrics: pd.DataFrame) -> None:
    found = kinds(metrics).set_index("teacher")
    assert found["kind"].to_dict() == {"plain": "none", "warm": "entropic", "hot": "entropic"}
    assert found.loc["hot", "strength"] == 1.0
    fewer = metrics.copy()
    few = (fewer["metric"] == "n_particles") & (fewer["teacher"] != "hot")
    fewer.loc[few, "value"] = 50.0
    found = kinds(fewer).set_index("teacher")
    assert found.loc["plain"].to_list()[1:] == ["particles", 50.0]
    assert found.loc["warm", "kind"] == "entropic"


def test_the_table_of_regularisation_names_kind_and_strength(metrics: pd.DataFrame) -> None:
    table = regularisation.table(metrics).set_index(["teacher", "model", "entropy"])
    assert table.loc[("plain", "particles", 0.1), "kind"] == "entropy"
    assert table.loc[("plain", "particles", 0.1), "strength"] == 0.1
    assert table.loc[("plain", "flow_map", 0.0), "kind"] == "none"
    assert table.loc[("warm", "flow_map", 0.0), ["kind", "strength"]].to_list() == ["entropic", 0.1]


def test_kinds_are_compared_at_equal_distance(metrics: pd.DataFrame) -> None:
    table = matched.table(metrics).set_index(["farther", "model", "kind"]).sort_index()
    of = table.loc[(2.0, "particles")]
    # At twice the distance, all of which are measured points: 4 floors.
    assert of["distance"].to_list() == pytest.approx([4.0] * 3)
    assert of["copied"].to_dict() == pytest.approx(
        {"early_stopping": 0.2, "entropic": 0.1, "entropy": 0.2}
    )
    assert of.loc["entropic", "strength"] == pytest.approx(0.1)
    assert of.loc["early_stopping", "strength"] == pytest.approx(4)
    assert (table["seeds"] == 3).all()
    # Half way between in the logarithm of the distance, with half the copies between.
    halfway = table.loc[(3.0, "particles")]
    part = np.log(6 / 4) / np.log(2)
    assert halfway.loc["entropic", "copied"] == pytest.approx(0.1 * (1 - part))
    assert halfway.loc["entropic", "strength"] == pytest.approx(10**part * 0.1)
    assert "entropy" not in halfway.index  # it does not come so far
    assert table.loc[(2.0, "flow_map", "entropic"), "copied"] == pytest.approx(-0.2)


def test_paths_go_from_none_to_the_strongest(metrics: pd.DataFrame) -> None:
    table = paths.table(metrics)
    flow = table[table["model"] == "particles"]
    assert (flow["kind"] == "none").sum() == 1
    of = {str(kind): own for kind, own in flow.groupby("kind")}
    assert of["entropic"]["strength"].to_list() == [0.1, 1.0]
    assert of["entropic"]["distance"].to_list() == pytest.approx([4, 8])
    assert of["early_stopping"]["strength"].to_list() == [16, 4, 1]
    assert of["none"]["copied"].item() == pytest.approx(0.4)
    assert (flow["seeds"] == 3).all()


def test_what_a_kind_saves_is_told_by_stopping_as_near(metrics: pd.DataFrame) -> None:
    """At 4 and at 8 floors the flow has .2 and 0 of copies: plans of one temperature save .1."""
    table = paths.table(metrics).set_index(["model", "kind", "strength"])
    for model in MODELS:
        assert table.loc[(model, "entropic", 0.1), "saved"] == pytest.approx(0.1)
        assert table.loc[(model, "entropic", 1.0), "saved"] == pytest.approx(0)
        assert table.loc[(model, "entropy", 0.1), "saved"] == pytest.approx(0)
        assert np.isnan(table.loc[(model, "early_stopping", 4), "saved"])
    # Between stored times, straight in the logarithm of the distance; nearer than any: not known.
    own = metrics.copy()
    warm = (own["teacher"] == "warm") & (own["metric"] == "energy_test")
    for distance, saved in ((4 * 2**0.5, 0.0), (2 * 2**0.5, 0.2), (1.0, np.nan)):
        own.loc[warm, "value"] = 0.1 * distance
        table = paths.table(own).set_index(["model", "kind", "strength"])
        found = table.loc[("particles", "entropic", 0.1), "saved"]
        assert found == pytest.approx(saved, nan_ok=True)
    # A flow that goes away from real rows at last was as near before, with fewer copies.
    late = (own["teacher"] == "plain") & (own["time"] == 16) & (own["metric"] == "energy_test")
    own.loc[late, "value"] = 0.1 * 6
    own.loc[warm, "value"] = 0.1 * 8
    table = paths.table(own).set_index(["model", "kind", "strength"])
    assert table.loc[("particles", "entropic", 0.1), "saved"] == pytest.approx(0 - 0.1)


def test_a_flow_with_entropy_alone_is_on_the_path_of_entropy(metrics: pd.DataFrame) -> None:
    own = metrics.copy()
    own.loc[own["entropy"] > 0, "teacher"] = "noisy"
    setup = own[(own["teacher"] == "plain") & (own["metric"] == "n_particles")]
    own = pd.concat([own, setup.assign(teacher="noisy")], ignore_index=True)
    pd.testing.assert_frame_equal(paths.table(own), paths.table(metrics))


def test_the_figure_shows_early_stopping_beside_every_kind(metrics: pd.DataFrame) -> None:
    unlearned = metrics[(metrics["teacher"] != "hot") | (metrics["model"] == "particles")]
    unlearned = unlearned[(unlearned["teacher"] != "warm") | (unlearned["model"] == "particles")]
    for some, n_models in ((metrics, 2), (unlearned, 1)):
        figure = matched_figure.figure(some)
        shown = [axes for axes in figure.axes if axes.get_visible()]
        titles = ["early stopping\nd", "entropic plans\nd", "entropy\nd"]
        assert [axes.get_title() for axes in shown] == titles
        stopped, plans, _ = (
            [line for line in axes.lines if len(line.get_xdata()) == 3] for axes in shown
        )
        assert len(stopped) == 2  # of flow and network
        assert len(plans) == 2 * n_models  # grey beside it, of those that the kind is known of
        assert sorted(stopped[0].get_xdata()) == pytest.approx([2, 4, 8])


def test_all_kinds_stand_side_by_side_for_each_dataset(metrics: pd.DataFrame) -> None:
    """The flow left, the network right, each with marks beside its path of early stopping."""
    again = metrics.assign(dataset="d_2000")
    figure = kinds_figure.figure(pd.concat([metrics, again], ignore_index=True))
    titles = [f"{name}: {side}" for name in ("d", "d 2000") for side in ("the flow", "networks")]
    assert [axes.get_title() for axes in figure.axes] == titles
    for axes, less in zip(figure.axes, (0, 0.3, 0, 0.3), strict=True):
        path, *marks = [line for line in axes.lines if line.get_linestyle() != ":"]
        assert path.get_linestyle() == ("-" if less else "--")
        assert list(path.get_xdata()) == pytest.approx([8, 4, 2])
        assert list(path.get_ydata()) == pytest.approx([0 - less, 0.2 - less, 0.4 - less])
        assert path.get_markevery() == [-1]  # the end of the flow
        points = [[pytest.approx(4)], pytest.approx([4, 8])]  # entropy; plans of two temperatures
        assert [list(line.get_xdata()) for line in marks] == points
        assert len({line.get_marker() for line in marks}) == 2
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["entropy", "entropic plans", "the flow", "flow map"]
    stopped = metrics[(metrics["entropy"].isin([0, np.nan])) & (metrics["teacher"] == "plain")]
    with pytest.raises(InputError, match="holds no kind of regularisation to compare"):
        kinds_figure.figure(stopped)


def test_networks_beside_each_other_are_told_apart(metrics: pd.DataFrame) -> None:
    """That of most rows comes first; each has a line and marks of its own."""
    network = metrics["model"] == "flow_map"
    few = metrics[network & (metrics["teacher"] == "plain")].assign(model="few_steps")
    figure = kinds_figure.figure(pd.concat([few, metrics], ignore_index=True))
    _, axes = figure.axes
    drawn = [line for line in axes.lines if line.get_linestyle() != ":"]
    paths = [line.get_linestyle() for line in drawn if line.get_marker() == "."]
    assert paths == ["-", "-."]
    fills = [line.get_fillstyle() for line in drawn if line.get_marker() == "o"]
    assert fills == ["full", "none"]
    alone = kinds_figure.figure(metrics[~network])
    assert [axes.get_title() for axes in alone.axes] == ["d: the flow"]


def of_sizes(exponent: float, sizes: tuple[int, ...] = (100, 400, 1600)) -> pd.DataFrame:
    """Flows of several sizes: best from τ = 4 on, copies from 10·n^exponent on."""
    rows = []
    times = np.geomspace(1, 4096, 13)
    for seed in SEEDS:
        for n in sizes:
            for time in times:
                distance = 2.0 if time >= 4 else 8.0 / time
                late = np.log(time / (10 * n**exponent))
                at = point(distance, 0.05 + 1.96 * 0.01 + late)
                rows += rows_of("f", seed, "particles", entropy=0.0, time=float(time), **at)
                for row in rows[-len(at) :]:
                    row["dataset"] = f"d{n}"
            rows.append(rows[-1] | {"metric": "train_rows", "value": n, "model": "test_set"})
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_the_power_with_which_copies_begin_later_is_found(exponent: float) -> None:
    metrics = of_sizes(exponent)
    table = copying.table(metrics).set_index("rows")
    for n in (100, 400, 1600):
        assert table.loc[n, "tau_mem"] == pytest.approx(10 * n**exponent, rel=1e-6)
        late = 0.25 - 0.05 - 1.96 * 0.01
        assert table.loc[n, "tau_quarter"] == pytest.approx(10 * n**exponent * np.exp(late))
        # Within 1.1 of the best, before it is there.
        assert 2 < table.loc[n, "tau_gen"] < 4
    assert (table["copying"] == 3).all()
    powers = copying_power.table(metrics).set_index("time_of")
    for of in ("tau_mem", "tau_quarter"):
        assert powers.loc[of, "power"] == pytest.approx(exponent, abs=1e-6)
        assert powers.loc[of, ["sizes", "points", "never"]].to_list() == [3, 3, 0]  # one a size
    assert powers.loc["tau_gen", "power"] == pytest.approx(0, abs=1e-6)


def test_copies_that_never_come_are_no_times() -> None:
    metrics = of_sizes(0.7, sizes=(100, 400, 1600, 6400))
    table = copying.table(metrics).set_index("rows")
    assert table.loc[6400, "copying"] == 0
    assert np.isnan(table.loc[6400, "tau_mem"])
    powers = copying_power.table(metrics).set_index("time_of")
    assert powers.loc["tau_mem", ["sizes", "never"]].to_list() == [3, 3]


def test_seeds_that_share_rows_are_one_point_of_a_power() -> None:
    """What a set of rows has of its own would else be taken for agreement."""
    rng = np.random.default_rng(0)
    sizes, held = np.repeat([500, 1500, 4500, 14000, 42000], 3), 0
    for _ in range(300):
        own = np.repeat(rng.normal(0, 0.3, 5), 3) + rng.normal(0, 0.1, 15)
        times = pd.DataFrame({"rows": sizes, "dataset": sizes, "from": 1.0})
        times["tau_mem"] = sizes**0.7 * np.exp(own)
        fit = fitted(times, "tau_mem")
        assert fit is not None
        held += fit.power_low < 0.7 < fit.power_high
    assert 0.91 < held / 300 < 0.99
    missing = times.assign(tau_mem=times["tau_mem"].where(times.index != 0))
    fit = fitted(missing, "tau_mem")
    assert fit is not None
    assert fit.sizes == 4
    # There at the first stored time: it came there before.
    times.loc[0, "from"] = times.loc[0, "tau_mem"]
    assert fitted(times, "tau_mem") == fit


def test_the_figure_of_copies_has_a_line_for_each_size() -> None:
    figure = copying_figure.figure(of_sizes(0.5))
    copies, first = figure.axes
    assert len([line for line in copies.lines if len(line.get_xdata()) == 13]) == 3
    labels = [text.get_text() for text in first.get_legend().get_texts()]
    assert labels == ["good samples: n^0.00", "a quarter copied: n^0.50"]


def test_a_network_of_some_sizes_has_lines_of_those() -> None:
    metrics = of_sizes(0.5)
    network = metrics[metrics["dataset"] != "d400"].assign(model="flow_map")
    figure = copying_figure.figure(pd.concat([metrics, network[network["metric"] != "train_rows"]]))
    lines = [len([of for of in axes.lines if len(of.get_xdata()) == 13]) for axes in figure.axes]
    assert lines == [3, 2, 0]
    figure.canvas.draw()  # warnings are errors


def test_a_flow_that_no_network_learned_has_a_panel_less() -> None:
    metrics = of_sizes(0.5)
    setup = metrics["metric"] == "train_rows"
    network = metrics[~setup].assign(model="flow_map")
    alone = metrics[~setup].assign(teacher="alone")
    figure = copying_figure.figure(pd.concat([metrics, network, alone]))
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["alone: the flow", "f: the flow", "f: flow map"]
    figure.canvas.draw()


def test_times_that_came_before_the_first_are_hollow() -> None:
    figure = copying_figure.figure(of_sizes(0.5).query("time > 100 or metric == 'train_rows'"))
    marks = [line for line in figure.axes[-1].lines if line.get_fillstyle() == "none"]
    shown = [int(np.isfinite(np.asarray(line.get_ydata(), dtype=float)).sum()) for line in marks]
    assert shown == [9, 3]  # good samples at once, and copies of the fewest rows


def test_images_are_told_from_copies_in_every_space() -> None:
    """Each with its own times; the figure shows pixels, to which nothing was fitted."""
    rows = of_sizes(0.5)
    images = []
    for prefix, later in (("feature_", 0.2), ("pixel_", 0.1)):
        named = prefix + rows["metric"].replace("energy_test", "frechet")
        seen = rows.assign(metric=named.where(rows["metric"] != "train_rows", rows["metric"]))
        copied = seen["metric"] == prefix + "copied"
        images.append(seen.assign(value=seen["value"].where(~copied, seen["value"] - later)))
    metrics = pd.concat([rows, *images])
    table = copying.table(metrics).set_index(["seen_in", "rows"])
    for space, later in (("rows", 0.0), ("pixels", 0.1), ("features", 0.2)):
        assert table.loc[(space, 400), "tau_mem"] == pytest.approx(200 * np.exp(later))
    powers = copying_power.table(metrics)
    assert sorted(powers["seen_in"].unique()) == ["features", "pixels", "rows"]
    shown, pixels, as_rows = (
        list(copying_figure.figure(of).axes[0].lines[0].get_ydata())
        for of in (metrics, images[1], rows)
    )
    assert shown == pixels != as_rows


def test_an_early_value_above_the_others_is_no_time_of_copies() -> None:
    metrics = of_sizes(0.5)
    early = (metrics["metric"] == "copied") & (metrics["time"] == 2)
    noisy = metrics.assign(value=metrics["value"].mask(early, 0.3))
    first, second = (copying.table(of).set_index("rows") for of in (metrics, noisy))
    assert second.loc[1600, "tau_quarter"] == pytest.approx(first.loc[1600, "tau_quarter"])
    assert second.loc[1600, "tau_mem"] < 4
    unknown = metrics.assign(value=metrics["value"].mask(early))  # of another stride
    known = copying.table(unknown.dropna(subset=["value"])).set_index("rows")
    assert known.loc[1600, "tau_quarter"] == first.loc[1600, "tau_quarter"]


def test_a_flow_on_one_of_the_sizes_has_times_but_no_line() -> None:
    metrics = of_sizes(0.5)
    other = metrics[metrics["dataset"] == "d400"].assign(teacher="g")
    both = pd.concat([metrics, other])
    table = copying.table(both).set_index(["teacher", "rows"])
    assert table.loc[("g", 400), "tau_mem"] == table.loc[("f", 400), "tau_mem"]
    assert set(copying_power.table(both)["teacher"]) == {"f"}
    assert len(copying_figure.figure(both).axes) == 2
    assert not len(copying.table(other))


def test_first_times_lie_between_stored_ones() -> None:
    times = np.array([1.1, 4.4, 17.6])
    assert first_above(times, np.array([-1.0, 1.0, 2.0])) == pytest.approx(2.2)
    assert first_above(times, np.array([0.5, 1.0, 2.0])) == times[0]
    assert np.isnan(first_above(times, np.array([-1.0, -1.0, 0.0])))


def test_powers_have_intervals_that_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    rows = pd.Series(np.repeat([500, 2000, 8000, 32000], 3), dtype=float)
    held = 0
    for _ in range(400):
        noise = np.exp(0.2 * rng.normal(size=len(rows)))
        fit = power(rows, rows**0.7 * noise)
        assert fit is not None
        held += fit.power_low < 0.7 < fit.power_high
    assert 0.92 < held / 400 < 0.98
    assert power(rows[:6], rows[:6]) is None


def test_kinds_without_a_flow_to_compare_them_with_make_an_empty_table(
    metrics: pd.DataFrame,
) -> None:
    """Where nothing was left unregularised, or not at every seed."""
    alone = metrics[metrics["teacher"] != "plain"]
    assert not len(matched.table(alone))
    some = metrics[(metrics["teacher"] != "plain") | (metrics["seed"] < 2)]
    assert (matched.table(some)["seeds"] <= 2).all()
