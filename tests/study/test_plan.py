"""The plan: what a study asks of the pipeline, and that a former version's results are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from swflow.runtime.errors import InputError
from swflow.schedule.steps import stored_times
from swflow.settings import parse_settings
from swflow.study.former import refuse_former_results
from swflow.study.plan import Plan
from swflow.study.study import Study
from tests.study.test_study import GOOD, changed


def planned(config: dict[str, Any]) -> Plan:
    study: Study = parse_settings(Study, config, "config")
    return Plan(study)


def test_study_answers_what_the_rules_ask() -> None:
    plan = planned(GOOD)
    assert plan.learned_entropies("f", "m") == [0.0]
    assert plan.learned_entropies("f", "particles") == [0.0, 0.1]
    assert [plan.seed_after(s, 1) for s in (0, 1, 2)] == [1, 2, 0]
    assert {row.model for row in plan.rows()} == {"particles", "test_set", "m"}
    assert len(plan.rows()) == 9
    assert {row.teacher for row in plan.rows() if row.model == "test_set"} == {"data"}
    assert set(plan.tables()) == {
        *("overview", "fidelity", "generation", "regularisation", "memorisation", "twin", "cost"),
    }
    assert set(plan.figures()) == {
        *("convergence", "fidelity", "regularisation", "memorisation", "quality_over_cost"),
    }


def test_rows_are_drawn_at_every_stored_time_from_the_source_on() -> None:
    plan = planned(changed(models={}, experiments=[]))
    assert plan.sampled_times("f") == stored_times(plan.study.flows["f"])
    assert plan.sampled_times("f")[0] == 0


def test_studies_between_times_and_over_sizes_have_figures_of_them() -> None:
    models = {"m": {"kind": "flow_map", "time_stride": 2}}
    datasets = {"a": {"kind": "digits"}, "few": {"kind": "digits", "n_train": 50}}
    experiments = [{"dataset": name, "flow": "f", "models": ["m"]} for name in datasets]
    values = changed(models=models, datasets=datasets, experiments=experiments)
    plan = planned(values)
    assert {"control", "generalisation"} <= set(plan.figures())
    values["datasets"] = datasets | {"few": {"kind": "gaussian", "dim": 64, "n_train": 50}}
    of_two_kinds = planned(values)
    assert "generalisation" not in of_two_kinds.figures()


def test_studies_in_which_no_flow_is_learned_compare_none_with_what_learned_it() -> None:
    learned = planned(GOOD)
    of_flows_alone = planned(changed(models={"m": {"kind": "mixture"}}))
    assert set(learned.tables()) - set(of_flows_alone.tables()) == {"overview", "fidelity"}
    assert set(learned.figures()) - set(of_flows_alone.figures()) == {
        *("fidelity", "regularisation", "memorisation"),
    }
    assert "quality_over_cost" in of_flows_alone.figures()


def test_rows_are_compared_over_disjoint_rows_where_that_is_asked_for() -> None:
    datasets = {name: {"kind": "digits", "n_train": 50} for name in ("a", "b")}
    experiments = [{"dataset": name, "flow": "f", "models": ["m"]} for name in datasets]
    experiments[0] |= {"disjoint": "b"}
    plan = planned(changed(datasets=datasets, experiments=experiments))
    asked = [plan.disjoint(name, "f", model) for name in "ab" for model in ("particles", "m")]
    assert asked == ["b", "b", None, None]
    assert plan.disjoint("a", "data", "test_set") is None
    assert "disjoint" in plan.tables()


def test_networks_are_drawn_between_the_entropies_they_learned() -> None:
    flows = {"f": GOOD["flows"]["f"] | {"entropies": [0.0, 0.05, 0.1, 0.3]}}
    models = {
        "m": {"kind": "flow_map", "entropies": [0.0, 0.1]},
        "g": {"kind": "gaussian_fit", "entropies": [0.0, 0.1]},
    }
    plan = planned(changed(flows=flows, models=models))
    assert plan.sampled_entropies("f", "m") == [0.0, 0.05, 0.1]
    assert plan.sampled_entropies("f", "g") == [0.0, 0.1]
    assert plan.sampled_entropies("f", "particles") == [0.0, 0.05, 0.1, 0.3]


def test_shared_rows_are_asked_for_once() -> None:
    twice = changed(experiments=[*GOOD["experiments"], {"dataset": "a", "flow": "f"}])
    plan = planned(twice)
    assert len(plan.rows()) == len(set(plan.rows())) == 9


def test_scores_of_the_former_layout_are_named(tmp_path: Path) -> None:
    refuse_former_results(tmp_path)
    former = tmp_path / "scores" / "digits" / "plane" / "flow_map" / "seed0.json"
    former.parent.mkdir(parents=True)
    former.write_text(json.dumps([]))
    with pytest.raises(InputError, match=r"seed0.json and 0 more: .* Remove .*scores"):
        refuse_former_results(tmp_path)


def test_images_have_features_neighbours_and_interpolations() -> None:
    """Those behind latents, too; of what is no image there are none."""
    values = changed(
        datasets={
            "clothes": {"kind": "fashion_mnist", "embedded": True},
            "codes": {"kind": "latent", "of": "clothes"},
            "plane": {"kind": "moons"},
        },
        models={"m": {"kind": "flow_map"}, "g": {"kind": "gaussian_fit"}},
        experiments=[
            {"dataset": "codes", "flow": "f", "models": ["m", "g"]},
            {"dataset": "plane", "flow": "f", "models": ["m"]},
        ],
    )
    plan = planned(values)
    assert plan.study.images_of("codes") == plan.study.images_of("clothes") == "clothes"
    assert plan.study.images_of("plane") is None
    assert plan.neighbours() == ["codes/f"]
    assert plan.interpolations() == ["codes/f/m"]
    assert "images" in plan.tables()
    assert "images" in plan.figures()


def test_latents_name_the_autoencoder_that_makes_them() -> None:
    datasets = {
        "clothes": {"kind": "fashion_mnist", "embedded": True},
        "codes": {"kind": "latent", "of": "clothes"},
        "few": {"kind": "latent", "of": "clothes", "autoencoder": "codes", "n_train": 50},
    }
    study = planned(changed(datasets=datasets, experiments=[])).study
    found = [study.autoencoder_of(name) for name in datasets]
    assert found == [None, "codes", "codes"]


def test_a_study_makes_only_the_report_that_it_asks_for() -> None:
    report = {"tables": ["fidelity"], "figures": [], "pictures": False}
    plan = planned(changed(report=report))
    assert plan.tables() == ["fidelity"]
    assert plan.figures() == plan.pictures() == plan.neighbours() == plan.strips() == []
    assert planned(GOOD).pictures()


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"tables": ["fidelty"]}, r"table 'fidelty' is unknown: allowed are .*fidelity"),
        ({"figures": ["matched"]}, r"report.figures: 'matched' needs what .*: over_time, regular"),
    ],
)
def test_a_report_that_cannot_be_made_is_refused(report: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        planned(changed(report=report))


def test_studies_of_regularised_and_of_refined_flows_compare_them() -> None:
    flow = GOOD["flows"]["f"]
    flows = {"f": flow} | {
        f"f{n}": flow | {"n_directions": n, "regularisers": [{"kind": "smoothing", "width": 0.1}]}
        for n in (128, 256, 512)
    }
    dataset = GOOD["experiments"][0]["dataset"]
    experiments = [{"dataset": dataset, "flow": name} for name in flows]
    score = {"generation_stride": 1}
    plan = planned(changed(flows=flows, experiments=experiments, score=score))
    assert {"matched", "discretisation"} <= set(plan.tables()) & set(plan.figures())


def test_sizes_of_datasets_of_several_kinds_are_not_compared() -> None:
    """One flow to few and to many rows of a law; and to those of another law, too."""
    datasets = {
        f"{kind}_{n}": {"kind": kind, "n_train": n}
        for kind in ("moons", "swiss_roll")
        for n in (50, 99)
    }
    flow, score = {"f": GOOD["flows"]["f"]}, {"generation_stride": 1}
    for names, known in (
        (["moons_50", "moons_99"], True),
        (["moons_50", "swiss_roll_99"], False),
        (["moons_50", "moons_99", "swiss_roll_99"], False),
    ):
        experiments = [{"dataset": name, "flow": "f"} for name in names]
        values = changed(datasets=datasets, flows=flow, experiments=experiments, score=score)
        assert ("copying" in planned(values).tables()) == known


def test_one_flow_in_several_dimensions_alone_is_no_study_of_refinement() -> None:
    """As that of the default study, whose moments are compared with closed forms."""
    datasets = {f"g{dim}": {"kind": "gaussian", "dim": dim} for dim in (2, 4, 8)}
    experiments = [{"dataset": name, "flow": "f"} for name in datasets]
    values = changed(datasets=datasets, experiments=experiments)
    assert "discretisation" not in planned(values).tables()


def test_of_flows_that_hold_pixels_only_networks_of_them_complete_images() -> None:
    """Others draw as always: what knows the rows alone, or only the law at each time."""
    datasets = {"a": {"kind": "fashion_mnist", "embedded": True, "n_train": 300}}
    flows = {"f": GOOD["flows"]["f"] | {"known": {"kind": "half", "side": "left"}}}
    models = {
        "map": {"kind": "flow_map"},
        "fit": {"kind": "gaussian_fit"},
        "density": {"kind": "kernel_density"},
    }
    experiments = [{"dataset": "a", "flow": "f", "models": list(models)}]
    values = changed(datasets=datasets, flows=flows, models=models, experiments=experiments)
    plan = planned(values)
    assert plan.completions() == ["a/f/map"]
    assert plan.interpolations() == []
    assert [name for name in models if plan.completes("f", name)] == ["map"]
