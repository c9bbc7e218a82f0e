"""Settings: one message for each fault, canonical JSON, and what the rules ask."""

from typing import Any

import pydantic
import pytest

from swflow.errors import InputError
from swflow.settings import (
    FlowFamily,
    FlowSettings,
    SimulationSettings,
    SourceSettings,
    Study,
    parse_settings,
)

GOOD: dict[str, Any] = {
    "datasets": {"a": {"kind": "moons"}, "b": {"kind": "digits"}},
    "flows": {"f": {"horizon": 2, "entropies": [0, 0.1]}},
    "models": {"m": {"kind": "flow_map", "entropies": [0]}},
    "experiments": [{"dataset": "a", "flow": "f", "models": ["m"]}],
}


def changed(**changes: Any) -> dict[str, Any]:
    return GOOD | changes


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"seed": 3}, r"seed: unknown key. Did you mean seeds\? Allowed: datasets"),
        (changed(flows={"f": {"horizon": 2, "n_direction": 4}}), "Did you mean n_directions"),
        (changed(flows={"f": {"horizon": 2, "n_directions": 0}}), "flows.f.n_directions = 0: must"),
        (changed(flows={"f": {"horizon": 2, "n_directions": "x"}}), "must be a valid integer"),
        (changed(flows={"f": {"horizon": 2, "entropies": [-1]}}), "flows.f.entropies.0 = -1: must"),
        (changed(flows={"f": {"horizon": 2, "entropies": [1, 1]}}), "each may appear once"),
        (
            changed(flows={"f": {"horizon": float("inf")}}),
            "flows.f.horizon = inf: must be a finite",
        ),
        (changed(flows={"f": {"horizon": 2, "step": 0}}), "flows.f.step.initial = 0: must"),
        (changed(flows={"f": {"times": [1, 3, 2]}}), r"times = \[1.0, 3.0, 2.0\]: must increase"),
        (changed(flows={"f": {"times": []}}), r"times = \[\]: must increase"),
        (changed(flows={"f": {}}), "either times .* or horizon"),
        (changed(flows={"f": {"horizon": 2, "times": [1]}}), "either times .* or horizon"),
        (
            changed(flows={"f": {"horizon": 2, "source": "normal"}}),
            "must be 'gaussian' or 'uniform'",
        ),
        (changed(datasets={"a": {"kind": "moon"}}), "datasets.a.kind = 'moon': allowed are 'eight"),
        (changed(datasets={"a": {}}), "datasets.a: the key kind is missing"),
        (
            changed(datasets={"a": {"kind": "moons", "nois": 1}}),
            "datasets.a.nois: unknown key. Did",
        ),
        (changed(datasets={"a": {"kind": "array", "path": "x.txt"}}), "must be one of .npy"),
        (changed(datasets={"a": {"kind": "array"}}), "datasets.a.path: this key is missing"),
        (
            changed(models={"m": {"kind": "flow_map", "network": {"wide": 3}}}),
            "models.m.network.wide",
        ),
        (
            changed(models={"particles": {"kind": "flow_map"}}),
            "models.particles: this name is reserved",
        ),
        (changed(flows={"data": {"horizon": 2}}), "flows.data: this name is reserved"),
        (
            changed(experiments=[{"dataset": "c", "flow": "f"}]),
            "'c' is not a preset under datasets",
        ),
        (changed(experiments=[{"dataset": "a", "flow": "g"}]), "'g' is not a preset under flows"),
        (
            changed(experiments=[{"dataset": "a", "flow": "f", "models": ["n"]}]),
            "'n' is not a preset under models: defined are m",
        ),
        (
            changed(models={"m": {"kind": "flow_map", "entropies": [0.3]}}),
            r"learns at entropies \[0.3\]",
        ),
        (changed(seeds=[1]), "seeds"),
        (changed(seeds=[1, 1]), "each may appear once"),
        (changed(seeds=[1, -1]), "seeds.1 = -1: must"),
        (
            changed(
                datasets={"a": {"kind": "checkerboard"}},
                flows={"f": {"horizon": 2, "labels": True}},
            ),
            "has no labels",
        ),
        ([], "must be"),
    ],
)
def test_fault_is_one_message_with_key_and_remedy(config: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_settings(Study, config, "config.yaml")
    assert str(caught.value).startswith("config.yaml: ")
    assert "\n" not in str(caught.value)


def test_python_users_get_a_value_error() -> None:
    with pytest.raises(ValueError, match="n_directions"):
        FlowSettings(horizon=1, n_directions=0)


def test_settings_are_frozen() -> None:
    settings = FlowSettings(horizon=1)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.horizon = 2.0  # type: ignore[misc]


def test_canonical_json_ignores_order_and_spelling_of_numbers() -> None:
    first = FlowFamily.model_validate({"horizon": 2, "step": 0.5, "source": "uniform"})
    second = FlowFamily.model_validate(
        {
            "source": {"law": "uniform"},
            "step": {"initial": 0.5, "growth": 0, "max": 0.5},
            "horizon": 2.0,
        }
    )
    assert first.canonical() == second.canonical()
    assert first.at(0).canonical() == second.at(0.0).canonical()


def test_a_number_with_exponent_is_read_as_users_write_it() -> None:
    """YAML reads 1e-1 as a string."""
    assert FlowFamily.model_validate({"horizon": 1, "step": "1e-1"}).step.max == 0.1


def test_family_gives_one_simulation_for_each_entropy() -> None:
    family = FlowFamily(times=(1.0, 2.0), n_particles=7, entropies=(0.0, 0.5), step={"max": 2})
    one = family.at(0.5)
    assert isinstance(one, SimulationSettings)
    assert (one.entropy, one.n_particles, one.times) == (0.5, 7, (1.0, 2.0))
    assert one.step_size(0) == 0.05
    assert one.step_size(1e6) == 2
    assert one.source == SourceSettings()


def test_study_answers_what_the_rules_ask() -> None:
    study: Study = parse_settings(Study, GOOD, "config")
    assert study.model_entropies("f", "m") == [0.0]
    assert study.model_entropies("f", "particles") == [0.0, 0.1]
    assert [study.seed_after(s, 1) for s in (0, 1, 2)] == [1, 2, 0]
    assert {run.model for run in study.runs()} == {"particles", "test_set", "m"}
    assert len(list(study.runs())) == 9
    assert {run.teacher for run in study.runs() if run.model == "test_set"} == {"data"}
    assert study.tables() == [
        *("overview", "fidelity", "generation", "regularisation", "memorisation", "twin", "cost"),
    ]
    assert study.figures() == [
        *("convergence", "fidelity", "regularisation", "memorisation", "quality_over_cost"),
    ]


def test_models_are_drawn_at_every_time_when_they_learn_from_some() -> None:
    models = {
        "some": {"kind": "flow_map", "time_stride": 2},
        "all": {"kind": "flow_map"},
    }
    study: Study = parse_settings(Study, changed(models=models, experiments=[]), "config")
    assert study.sampled_times("f", "some") == study.flows["f"].stored_times()[1:]
    assert study.sampled_times("f", "all") == []
    assert study.sampled_times("f", "particles") == []


def test_studies_between_times_and_over_sizes_have_figures_of_them() -> None:
    models = {"m": {"kind": "flow_map", "time_stride": 2}}
    datasets = {"a": {"kind": "digits"}, "few": {"kind": "digits", "n_train": 50}}
    experiments = [{"dataset": name, "flow": "f", "models": ["m"]} for name in datasets]
    values = changed(models=models, datasets=datasets, experiments=experiments)
    study: Study = parse_settings(Study, values, "config")
    assert {"control", "generalisation"} <= set(study.figures())
    values["datasets"] = datasets | {"few": {"kind": "gaussian", "dim": 64, "n_train": 50}}
    of_two_kinds: Study = parse_settings(Study, values, "config")
    assert "generalisation" not in of_two_kinds.figures()


def test_networks_are_drawn_between_the_entropies_they_learned() -> None:
    flows = {"f": GOOD["flows"]["f"] | {"entropies": [0.0, 0.05, 0.1, 0.3]}}
    models = {
        "m": {"kind": "flow_map", "entropies": [0.0, 0.1]},
        "g": {"kind": "gaussian_fit", "entropies": [0.0, 0.1]},
    }
    study: Study = parse_settings(Study, changed(flows=flows, models=models), "config")
    assert study.sampled_entropies("f", "m") == [0.0, 0.05, 0.1]
    assert study.sampled_entropies("f", "g") == [0.0, 0.1]
    assert study.sampled_entropies("f", "particles") == [0.0, 0.05, 0.1, 0.3]


def test_entropy_that_was_never_simulated_is_refused() -> None:
    models = {"m": {"kind": "flow_map", "entropies": [0.7]}}
    with pytest.raises(InputError, match=r"learns at entropies \[0.7\], flow 'f' has"):
        parse_settings(Study, changed(models=models), "config")


def test_step_too_long_for_the_entropy_of_a_family_is_refused() -> None:
    flows = {"f": GOOD["flows"]["f"] | {"step": 3, "entropies": [0.0, 0.5]}}
    long = {"f": flows["f"] | {"horizon": 60, "n_times": 3}}
    long["f"].pop("times", None)
    with pytest.raises(InputError, match=r"flows.f: steps reach 3 in τ: unstable with entropy"):
        parse_settings(Study, changed(flows=long), "config")


def test_shared_rows_are_asked_for_once() -> None:
    twice = changed(experiments=[*GOOD["experiments"], {"dataset": "a", "flow": "f"}])
    study: Study = parse_settings(Study, twice, "config")
    assert len(list(study.runs())) == len(set(study.runs())) == 9
