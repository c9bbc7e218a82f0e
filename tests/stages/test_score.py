"""The score stage: each group of metrics is a product of its own, stale by what it depends on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from swflow.flow.trajectory import Trajectory
from swflow.models.draws import sampling_conditions
from swflow.runtime.errors import InputError
from swflow.settings import ScoreSettings
from swflow.stages import score as stage
from swflow.stages.loading import open_sampler
from swflow.stages.sample import write_samples
from swflow.stages.score import Inputs, score
from swflow.store.scores import read_key, read_scores
from swflow.study import registry

SMALL = ScoreSettings(
    n_draws=100,
    n_redraws=3,
    n_large=300,
    n_directions=8,
    n_classifier=100,
    n_exact=50,
    n_timed=50,
    n_timings=1,
)
GROUPS = ["fidelity", "generation", "memorisation"]


@pytest.fixture(scope="module")
def inputs(
    dataset_path: Path,
    stores: list[list[Trajectory]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Inputs:
    source = [run.store.path for run in stores[0]]
    samples = tmp_path_factory.mktemp("samples") / "draws.h5"
    sampler = open_sampler(source)
    write_samples(sampler, 200, sampling_conditions(sampler), 0, samples)
    return Inputs(dataset_path, source, samples, [run.store.path for run in stores[1]])


@pytest.fixture
def scored(inputs: Inputs, tmp_path: Path) -> Callable[..., set[str]]:
    """Score, and tell which groups were computed."""

    def computed(settings: ScoreSettings = SMALL, of: Inputs = inputs, seed: int = 0) -> set[str]:
        before = {group: read_key(tmp_path / f"{group}.json") for group in GROUPS}
        files = {path: path.stat().st_ino for path in tmp_path.iterdir()}
        score(GROUPS, of, settings, seed, tmp_path, threads=2)
        after = {group: read_key(tmp_path / f"{group}.json") for group in GROUPS}
        written = {
            path.stem for path in tmp_path.iterdir() if path.stat().st_ino != files.get(path)
        }
        assert written == {group for group in GROUPS if before[group] != after[group]}
        return written

    return computed


def test_each_group_is_a_file_and_stays_until_it_is_stale(
    scored: Callable[..., set[str]], tmp_path: Path
) -> None:
    assert scored() == set(GROUPS)
    assert scored() == set()
    assert {row["metric"] for row in read_scores(tmp_path / "memorisation.json")} == {
        f"{kind}{error}"
        for kind in ("memorisation_a", "memorisation_s", "copied")
        for error in ("", "_error")
    } | {"nearest_ratio", "authenticity"}
    (tmp_path / "generation.json").unlink()
    assert scored() == {"generation"}


def test_only_groups_that_depend_on_a_size_are_stale(scored: Callable[..., set[str]]) -> None:
    scored()
    assert scored(SMALL.model_copy(update={"n_exact": 40})) == {"generation"}
    assert scored(SMALL.model_copy(update={"n_redraws": 2})) == {"fidelity", "generation"}
    assert scored(seed=1) == set(GROUPS)


def test_other_references_make_only_those_stale_that_are_held_against_them(
    scored: Callable[..., set[str]], inputs: Inputs, stores: list[list[Trajectory]]
) -> None:
    scored()
    others = [run.store.path for run in stores[2]]
    other = Inputs(inputs.dataset_file, inputs.source, inputs.samples, others)
    assert scored(of=other) == {"fidelity"}


def test_edited_code_makes_its_group_stale(
    scored: Callable[..., set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scored()
    version = stage.score_code

    def edited(module: str, *homes: str) -> str:
        return version(module, *homes) + ("edited" if module.endswith("memorisation") else "")

    monkeypatch.setattr(stage, "score_code", edited)
    assert scored() == {"memorisation"}


def test_threads_change_no_value(inputs: Inputs, tmp_path: Path) -> None:
    for threads in (1, 2):
        score(["fidelity"], inputs, SMALL, 0, tmp_path / f"{threads}", threads=threads)
    one, two = (read_scores(tmp_path / f"{threads}" / "fidelity.json") for threads in (1, 2))
    assert one == two


@pytest.mark.parametrize("text", ["[]", '{"format": 1}', "no JSON"])
def test_scores_of_another_version_are_computed_again(
    text: str, scored: Callable[..., set[str]], tmp_path: Path
) -> None:
    scored()
    (tmp_path / "fidelity.json").write_text(text)
    assert scored() == {"fidelity"}


def test_a_group_sees_nothing_that_it_does_not_declare(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its file would be kept where that changes."""
    constant = registry.constant
    monkeypatch.setattr(
        registry,
        "constant",
        lambda module, name: (
            {"NEEDS": ("samples",), "SETTINGS": ()}.get(name) or constant(module, name)
        ),
    )
    with pytest.raises(AttributeError):
        score(["memorisation"], inputs, SMALL, 0, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_no_use_are_refused(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from swflow.metrics import fidelity

    monkeypatch.setattr(fidelity, "classifier_accuracy", lambda *_: float("nan"))
    with pytest.raises(InputError, match=r"c2st is nan at entropy 0\.0, time"):
        score(["fidelity"], inputs, SMALL, 0, tmp_path)
    assert not (tmp_path / "fidelity.json").exists()


def test_unknown_groups_are_named(inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="group of metrics 'beauty' is unknown: allowed are"):
        score(["beauty"], inputs, SMALL, 0, tmp_path)


def test_files_say_what_they_hold(scored: Callable[..., set[str]], tmp_path: Path) -> None:
    scored()
    content = json.loads((tmp_path / "fidelity.json").read_text())
    assert set(content) == {"format", "key", "inputs", "rows"}
    assert set(content["inputs"]) == {"samples", "source", "references"}
    assert {"metric", "value", "floor", "n", "entropy", "time"} <= set(content["rows"][0])
