"""Digests of code hold all that computes a product and nothing else, in both directions.

A copy of the package is edited, and the digests of every stage, kind and group of metrics are taken
again by a process that imported nothing of what was edited.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swflow.runtime.code import code_version, literal, reached
from swflow.runtime.syntax import dumped
from swflow.settings import AnyModelSettings, DatasetSettings
from swflow.settings.kinds import classes, tag
from swflow.study import registry
from swflow.study.roots import homes

SOURCE = Path(__file__).parents[2] / "src"
MODELS = {tag(kind): kind for kind in classes(AnyModelSettings)}
DATASETS = {tag(kind): kind for kind in classes(DatasetSettings)}
PROGRAM = """
import json, os, sys
from swflow.runtime import code
from swflow.settings import AnyModelSettings, DatasetSettings, FeatureSettings, LatentSettings
from swflow.settings import ArraySettings, SimulationSettings
from swflow.settings.kinds import classes, tag
from swflow.study import registry, roots

def digests():
    found = {"collect": roots.collected_code()}
    found["autoencoder"] = roots.autoencoder_code(LatentSettings(of="images"))
    found["features"] = roots.features_code(FeatureSettings())
    needed = {"array": {"path": "x.npy"}, "images": {"path": "x.zip"}, "gaussian": {"dim": 2}}
    needed |= {"convex_map": {"dim": 2}, "latent": {"of": "images"}}
    for kind in classes(DatasetSettings):
        settings = kind(**needed.get(tag(kind), {}))
        found[f"prepare:{tag(kind)}"] = roots.dataset_code(settings)
    decoded = ArraySettings(path="x.npy", decoder="x.onnx")
    found["prepare:decoded array"] = roots.dataset_code(decoded)
    smoothed = {"regularisers": [{"kind": "smoothing"}]}
    for name, fields in {
        "exact": {},
        "sketch": {"transport": "sketch"},
        "histogram": {"transport": "histogram"},
        "structured": {"directions": "structured"},
        "local": {"directions": "local"},
        "convolutional": {"directions": "convolutional"},
        "entropic": {"transport": "entropic"},
        "partial": {"transport": "partial"},
        "unbalanced": {"transport": "unbalanced"},
        "smoothed": smoothed,
        "spread": {"regularisers": [{"kind": "sliced_entropy"}]},
    }.items():
        settings = SimulationSettings(horizon=1, **fields)
        found[f"simulate:{name}"] = roots.simulation_code(settings)
    rows = {"particles": [roots.PARTICLES_HOME], "test_set": [roots.REAL_ROWS_HOME]}
    for kind in classes(AnyModelSettings):
        found[f"train:{tag(kind)}"] = roots.training_code(kind())
        rows[tag(kind)] = list(roots.homes(kind()))
    for row, homes in rows.items():
        found[f"sample:{row}"] = roots.sampling_code(*homes)
        found[f"time:{row}"] = roots.timing_code(*homes)
        for group, module in registry.modules("metrics").items():
            found[f"score:{group}:{row}"] = roots.score_code(module, *homes)
    for name, module in registry.modules("tables").items():
        found[f"tabulate:{name}"] = roots.table_code(module)
    for name, module in registry.modules("figures").items():
        found[f"plot:{name}"] = roots.figure_code(module)
    for kind in ("times", "entropies", "neighbours", "interpolation"):
        found[f"picture:{kind}"] = roots.pictured_code(kind)
    return found

def forget():
    # What is known of modules; not of texts, which are the same in every copy.
    for module in (code, registry):
        for name, of in vars(module).items():
            if hasattr(of, "cache_clear") and name not in ("tree_of", "written", "_parts"):
                of.cache_clear()

print(json.dumps(digests()), flush=True)
imported = [name for name in sys.modules if name.partition(".")[0] == "swflow"]
print(json.dumps(imported), flush=True)
for line in sys.stdin:  # the same of another copy, whose package lies there
    if os.fork() == 0:
        forget()
        code.__file__ = f"{line.strip()}/swflow/runtime/code.py"
        print(json.dumps(digests()), flush=True)
        os._exit(0)
    os.wait()
"""
# A store holds the decoder of latents, and what decodes its particles counts for their rows.
DECODED = ("cost", "images", "completion", "disjoint")
DECODING = {f"score:{group}:particles" for group in DECODED} | {"time:particles"}
Changed = Callable[[], set[str]]


class Digests:
    """A process that has read the package below `root`, and takes digests of copies of it."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.own: dict[str, str] = self.said()
        self.imported: list[str] = self.said()

    def __enter__(self) -> "Digests":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def said(self) -> Any:
        """The next line."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def of(self, root: Path) -> dict[str, str]:
        """Those of the copy below `root`, by a fresh process where it is edited in what runs."""
        edited = [path for path in root.rglob("*.py") if not path.is_symlink()]
        modules = [path.relative_to(root).with_suffix("").as_posix() for path in edited]
        if {module.replace("/", ".") for module in modules} & set(self.imported):
            with Digests(root) as fresh:
                return fresh.own
        assert self.process.stdin is not None
        self.process.stdin.write(f"{root}\n")
        self.process.stdin.flush()
        return dict(self.said())


@pytest.fixture(scope="module")
def taken() -> Iterator[Digests]:
    with Digests(SOURCE) as taken:
        yield taken


@pytest.fixture(scope="module")
def before(taken: Digests) -> dict[str, str]:
    return taken.own


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Links to files, compiled ones too: those that are edited are replaced."""
    return shutil.copytree(SOURCE / "swflow", tmp_path / "swflow", copy_function=os.symlink)


def write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)


@pytest.fixture
def changed(package: Path, taken: Digests, before: dict[str, str]) -> Changed:
    def found() -> set[str]:
        after = taken.of(package.parent)
        return {name for name in before if after[name] != before[name]}

    return found


def replace(package: Path, file: str, old: str, new: str) -> None:
    path = package / file
    text = path.read_text()
    assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
    write(path, text.replace(old, new))


def edit_functions(path: Path, *names: str) -> None:
    """Let every function of a file (or those of these names) do something else."""
    tree, edited = ast.parse(path.read_text()), 0
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (not names or node.name in names):
            node.body.append(ast.parse("del edited").body[0])
            edited += 1
    assert edited, f"{path} has none of {names}"
    write(path, ast.unparse(tree))


def stages(found: set[str]) -> set[str]:
    return {name.partition(":")[0] for name in found}


def of(prefix: str, before: dict[str, str]) -> set[str]:
    return {name for name in before if name.startswith(prefix)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        # Both decide which steps are taken, and lie where no stage computes.
        ("schedule/steps.py", "math.expm1(last * k / count)", "settings.horizon * k / count"),
        ("schedule/steps.py", "settings.step.growth * time", "2 * settings.step.growth * time"),
        ("flow/integrator.py", "-math.expm1(-h)", "h"),
        ("flow/field.py", "keep and self.kept:", "self.kept:"),
        ("flow/convergence.py", "float(sliced_wasserstein(", "-float(sliced_wasserstein("),
        ("flow/source.py", "torch.randn(", "-torch.randn("),
        ("randomness.py", '"big") >> 1', '"little") >> 1'),
    ],
)
def test_formulas_of_the_flow_simulate_again(
    file: str, old: str, new: str, package: Path, changed: Changed, before: dict[str, str]
) -> None:
    replace(package, file, old, new)
    found = changed()
    assert of("simulate:", before) <= found
    assert "prepare:array" not in found
    assert "collect" not in found


@pytest.mark.parametrize(
    ("file", "simulated"),
    [
        # By the exact plan the twin follows its particles in every flow with entropy.
        (
            "sliced/plans/exact.py",
            {"exact", "sketch", "histogram", "structured", "local", "convolutional", "smoothed"}
            | {"entropic", "partial", "unbalanced", "spread"},
        ),
        ("sliced/plans/sketch.py", {"sketch"}),
        ("sliced/plans/histogram.py", {"histogram"}),
        ("sliced/plans/parts.py", {"entropic", "partial", "unbalanced"}),
        ("sliced/plans/entropic.py", {"entropic"}),
        ("sliced/plans/partial.py", {"partial"}),
        ("sliced/plans/unbalanced.py", {"unbalanced"}),
        # Bases of large tiles are structured.
        ("sliced/directions/structured.py", {"structured", "local"}),
        ("sliced/directions/local.py", {"local"}),
        ("sliced/directions/convolutional.py", {"convolutional"}),
        ("flow/regularisers/smoothing.py", {"smoothed"}),
        ("flow/regularisers/sliced_entropy.py", {"spread"}),
    ],
)
def test_kinds_of_plans_directions_and_regularisers_count_where_they_are_asked_for(
    file: str, simulated: set[str], package: Path, changed: Changed
) -> None:
    edit_functions(package / file)
    found = {name for name in changed() if name.startswith("simulate:")}
    assert found == {f"simulate:{name}" for name in simulated}


@pytest.mark.parametrize("kind", DATASETS)
def test_a_family_of_datasets_counts_for_itself(kind: str, package: Path, changed: Changed) -> None:
    module, _, name = DATASETS[kind].home.partition(":")
    edit_functions(package.parent / f"{module.replace('.', '/')}.py", name)
    assert changed() - {"prepare:decoded array"} == {f"prepare:{kind}"}


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("networks/convolutional.py", ("_doubled",)),
        ("representation/autoencoder.py", ("difference", "fit_autoencoder")),
        ("representation/autoencoder.py", ("loss",)),
    ],
)
def test_an_autoencoder_counts_for_itself_and_its_latents(
    file: str, names: tuple[str, ...], package: Path, changed: Changed
) -> None:
    edit_functions(package / file, *names)
    found = changed()
    assert "autoencoder" in found
    assert found <= {"autoencoder", "prepare:latent", "prepare:decoded array"} | DECODING


def test_features_count_for_images_and_the_autoencoders_critic(
    package: Path, changed: Changed, before: dict[str, str]
) -> None:
    """Not for the groups of metrics that look at no image."""
    edit_functions(package / "networks" / "convolutional.py", "features")
    images = of("score:images:", before) | of("score:completion:", before)
    assert changed() == images | {"features", "picture:neighbours", "autoencoder"}


def test_an_own_decoder_counts_for_arrays_that_have_one(package: Path, changed: Changed) -> None:
    edit_functions(package / "representation" / "onnx_decoder.py", "value_range")
    assert changed() == {"prepare:latent", "prepare:decoded array"} | DECODING


def test_units_count_for_datasets_and_models(
    package: Path, changed: Changed, before: dict[str, str]
) -> None:
    edit_functions(package / "representation" / "affine.py", "from_rows")
    assert changed() == of("prepare:", before)


@pytest.mark.parametrize("kind", MODELS)
def test_a_kind_of_model_counts_for_itself(kind: str, package: Path, changed: Changed) -> None:
    module = MODELS[kind].home.partition(":")[0]
    edit_functions(package.parent / f"{module.replace('.', '/')}.py")
    found = changed()
    assert {f"train:{kind}", f"sample:{kind}", f"time:{kind}"} <= found
    assert {f"score:{group}:{kind}" for group in ("fidelity", "cost")} <= found
    assert all(name.endswith(f":{kind}") for name in found)


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        ("networks/mlp.py", {"flow_map", "two_time_map", "velocity", "flow_matching"}),
        ("networks/icnn.py", {"icnn"}),
        ("models/pairs.py", {"flow_map", "two_time_map", "velocity"}),
    ],
)
def test_what_kinds_share_counts_for_those(
    file: str, kinds: set[str], package: Path, changed: Changed
) -> None:
    edit_functions(package / file)
    found = {name for name in changed() if name.startswith("train:")}
    assert found == {f"train:{kind}" for kind in kinds}


@pytest.mark.parametrize("group", registry.modules("metrics"))
def test_a_group_of_metrics_counts_for_itself(
    group: str, package: Path, changed: Changed, before: dict[str, str]
) -> None:
    edit_functions(package / "metrics" / f"{group}.py", "measure")
    assert changed() == of(f"score:{group}:", before)


@pytest.mark.parametrize("table", registry.modules("tables"))
def test_a_table_counts_for_itself_and_what_is_made_of_it(
    table: str, package: Path, changed: Changed
) -> None:
    edit_functions(package / "report" / "tables" / f"{table}.py", "table")
    found = changed()
    assert f"tabulate:{table}" in found
    assert stages(found) <= {"tabulate", "plot"}


@pytest.mark.parametrize("figure", registry.modules("figures"))
def test_a_figure_counts_for_itself(figure: str, package: Path, changed: Changed) -> None:
    edit_functions(package / "report" / "figures" / f"{figure}.py", "figure")
    assert changed() == {f"plot:{figure}"}


@pytest.mark.parametrize("kind", ["times", "entropies"])
def test_a_picture_counts_for_itself(kind: str, package: Path, changed: Changed) -> None:
    edit_functions(package / "report" / "pictures" / f"{kind}.py", "picture")
    assert changed() == {f"picture:{kind}"}


def test_the_long_form_and_seconds_count_for_themselves(
    package: Path, changed: Changed, before: dict[str, str]
) -> None:
    edit_functions(package / "metrics" / "collected.py")
    edit_functions(package / "metrics" / "timing.py")
    assert changed() == {"collect", *of("time:", before)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (
            "runtime/progress.py",
            "SECONDS_BETWEEN_LOG_LINES = 10.0",
            "SECONDS_BETWEEN_LOG_LINES = 9",
        ),
        ("runtime/files.py", "blocking=False", "timeout=1"),
        ("runtime/checkpoint.py", "CHECKPOINT_SECONDS = 60.0", "CHECKPOINT_SECONDS = 30.0"),
        ("store/trajectory.py", "MIN_CHUNK_BYTES = 2**22", "MIN_CHUNK_BYTES = 2**21"),
        ("settings/flows.py", "16384, description", "16000, description"),
        ("report/tables/fidelity.py", "CAPTION = (", 'CAPTION = ("A new caption. "'),
        ("sliced/distances.py", '"""Sliced Wasserstein distances."""', '"""Other words."""'),
        (
            "sliced/distances.py",
            "    positive = mean > 0\n",
            "    # why\n    positive = (mean > 0)\n",
        ),
    ],
)
def test_what_computes_nothing_does_not_count(
    file: str, old: str, new: str, package: Path, changed: Changed
) -> None:
    replace(package, file, old, new)
    assert changed() == set()


def test_handling_of_files_and_processes_does_not_count(package: Path, changed: Changed) -> None:
    for file in (
        *("runtime/progress.py", "runtime/files.py", "runtime/checkpoint.py"),
        *("runtime/termination.py", "runtime/processes.py", "store/trajectory.py"),
        *("store/model.py", "stages/simulate.py", "stages/fitting.py", "stages/score.py"),
        *("cli/rules.py", "study/plan.py"),
    ):
        edit_functions(package / file)
    assert changed() == set()


def test_every_kind_says_where_its_code_is() -> None:
    for kind in (*MODELS.values(), *DATASETS.values()):
        assert reached(kind.home)


def test_settings_within_settings_have_homes_of_their_own() -> None:
    assert "swflow.networks.mlp:ConditionedMLP" in set(homes(MODELS["flow_map"]()))


def test_roots_share_one_digest_in_any_number() -> None:
    drift = "swflow.sliced.drift:sliced_velocity"
    cost = "swflow.sliced.distances:sorted_transport_cost"
    assert code_version(drift, drift) == code_version(drift)
    assert code_version(drift, cost) != code_version(drift)


def test_unknown_roots_are_errors() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"no module 'swflow\.nothing'"):
        code_version("swflow.nothing:f")
    with pytest.raises(NameError, match=r"swflow\.sliced\.drift defines no 'nothing'"):
        code_version("swflow.sliced.drift:nothing")


def test_constants_are_read_without_importing() -> None:
    assert literal("swflow.metrics.timing", "SETTINGS") == ("n_timed", "n_timings")
    with pytest.raises(NameError, match="has no constant NOTHING"):
        literal("swflow.metrics.timing", "NOTHING")


def test_digests_are_those_of_other_versions_of_python() -> None:
    """Which write out empty fields, or leave them out, and have more of them."""
    node = ast.parse("def f(x: int = 0) -> None:\n    return g(x, y=None) or []").body[0]
    text = dumped(node)
    for name in ("type_params", "type_comment", "posonlyargs", "decorator_list", "kind="):
        assert name not in text
    assert "Constant(value=None)" in text
    assert "Constant(value=0)" in text
    assert text != dumped(
        ast.parse("def f(x: int = 1) -> None:\n    return g(x, y=None) or []").body[0]
    )
