"""A study validates its config: one message for each fault, with the key and the remedy."""

from typing import Any

import pytest

from swflow.runtime.errors import InputError
from swflow.settings import FlowFamily, parse_settings
from swflow.study.study import Study

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
        (changed(names={"c": "words"}), "names.c: no preset is called so: defined are a, b, f, m"),
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
            changed(flows={"f": {"base": "g"}}),
            "flows.f.base: 'g' is not a preset under flows: defined are f",
        ),
        (changed(flows={"f": {"base": ["f"]}}), "flows.f.base: .* is not a preset"),
        (
            changed(flows={"f": {"base": "g"}, "g": {"base": "f"}}),
            "flows.g.base: f -> g -> f has no end",
        ),
        (changed(flows={"f": {"base": "g"}, "g": 3}), "flows.g: 3 is no mapping"),
        (changed(flows={"f": {"base": "g", "stp": 1}, "g": {"horizon": 2}}), "flows.f.stp: unkn"),
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


IMAGES = {"kind": "fashion_mnist", "embedded": True}
CODES = {"kind": "latent", "of": "a"}


def test_latents_know_the_labels_of_their_images() -> None:
    flows = {"f": {"horizon": 2, "labels": True}}
    experiments = [{"dataset": "codes", "flow": "f"}]
    good = {"flows": flows, "experiments": experiments}
    parse_settings(Study, good | {"datasets": {"a": IMAGES, "codes": CODES}}, "c")
    rows = {"kind": "array", "path": "x.npy"}
    with pytest.raises(InputError, match=r"dataset 'codes' has no labels"):
        parse_settings(Study, good | {"datasets": {"a": rows, "codes": CODES}}, "c")


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"codes": CODES}, r"datasets.codes.of: 'a' is not a preset under datasets"),
        ({"a": CODES, "codes": CODES}, r"'a' is made of another dataset itself|is not a preset"),
        (
            {"b": IMAGES, "a": CODES | {"of": "b"}, "codes": CODES},
            r"datasets.codes.of: 'a' is made of another dataset itself; name that",
        ),
        (
            {"a": IMAGES, "codes": CODES, "few": CODES | {"autoencoder": "a"}},
            r"datasets.few.autoencoder: 'a' is no dataset of latents of 'a' with an autoencoder of",
        ),
        ({"a": IMAGES, "codes": CODES | {"network": {"width": 12}}}, r"width = 12: must be a mul"),
        (
            {"a": IMAGES | {"data_rot": "x"}},
            r"datasets.a.data_rot: unknown key. Did you mean data_",
        ),
    ],
)
def test_faulty_datasets_of_images_are_named(datasets: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_settings(Study, {"datasets": datasets}, "c")


@pytest.mark.parametrize("disjoint", ["a", "few", "unknown"])
def test_rows_to_compare_over_need_the_same_flow_and_models(disjoint: str) -> None:
    datasets = {name: {"kind": "digits", "n_train": 50} for name in ("a", "b", "few")}
    flow_alone = {"dataset": "few", "flow": "f"}
    other = {"dataset": "b", "flow": "f", "models": ["m"]}
    first = {"dataset": "a", "flow": "f", "models": ["m"], "disjoint": "b"}
    values = changed(datasets=datasets, experiments=[first, other, flow_alone])
    parse_settings(Study, values, "config")
    values["experiments"][0]["disjoint"] = disjoint
    with pytest.raises(
        InputError, match=r"disjoint: '\w+' must be another dataset that has an exp"
    ):
        parse_settings(Study, values, "config")


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


def test_a_preset_has_what_its_base_says_but_for_its_own() -> None:
    """Keys that it gives stand for those of the base, whole; a base may have a base itself."""
    flows = {
        "third": {"base": "second", "entropies": [0.2]},
        "second": {"base": "f", "step": 0.5},
        "f": {"horizon": 2, "entropies": [0, 0.1], "step": {"initial": 0.1, "max": 1}},
    }
    found = parse_settings(Study, changed(flows=flows), "config").flows
    assert found["third"] == FlowFamily(horizon=2, entropies=[0.2], step=0.5)
    assert found["second"].entropies == (0, 0.1)
    assert found["f"].step.initial == 0.1


def test_flows_that_hold_pixels_of_rows_are_not_compared_over_others() -> None:
    clothes = {"kind": "fashion_mnist", "embedded": True, "n_train": 50}
    datasets = dict.fromkeys(("a", "b"), clothes)
    flows = {"f": {"horizon": 2, "known": {"kind": "half", "side": "left"}}}
    first = {"dataset": "a", "flow": "f", "disjoint": "b"}
    experiments = [first, {"dataset": "b", "flow": "f"}]
    values = changed(datasets=datasets, flows=flows, models={}, experiments=experiments)
    with pytest.raises(InputError, match=r"disjoint: flow 'f' holds pixels .* no source points"):
        parse_settings(Study, values, "config")


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ({"entropies": [0.1234567]}, r"entropies = \[0.1234567\]: give at most six digits"),
        (
            {"transport": "sketch", "regularisers": [{"kind": "smoothing", "width": 0.1}]},
            "keep the noise of one draw: set redraw: true",
        ),
    ],
)
def test_flows_that_could_not_be_what_they_say_are_refused(
    flow: dict[str, Any], message: str
) -> None:
    values = changed(flows={"f": GOOD["flows"]["f"] | flow})
    with pytest.raises(InputError, match=message):
        parse_settings(Study, values, "config")


def test_what_is_for_images_is_refused_of_rows_of_numbers() -> None:
    values = changed(
        datasets={"a": {"kind": "gaussian", "dim": 8}},
        flows={"f": GOOD["flows"]["f"] | {"directions": "local"}},
        models={"m": {"kind": "flow_map", "network": {"kind": "unet"}}},
        experiments=[{"dataset": "a", "flow": "f", "models": ["m"]}],
    )
    with pytest.raises(
        InputError, match=r"'a' are no images, which directions: local and model 'm', a U-Net are"
    ):
        parse_settings(Study, values, "config")
