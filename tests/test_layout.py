"""The house: imports run one way, nothing that computes stores or plots, no room for long files."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "swflow"
# A room may use those before it.
ROOMS = [
    *("runtime", "events", "randomness", "schedule", "settings", "sliced", "networks"),
    *("training", "representation", "flow", "datasets", "models", "metrics", "store"),
    *("report", "study", "stages", "cli"),
]
COMPUTING = ROOMS[ROOMS.index("randomness") : ROOMS.index("store")]
LONGEST_MODULE, LONGEST_FUNCTION = 300, 50


def modules() -> dict[str, Path]:
    """Every module of the package, by its name."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """What a file imports, in functions too; not what only types need."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module
        waiting += ast.iter_child_nodes(node)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_room_is_known() -> None:
    assert {room(module) for module in MODULES} == {"", *ROOMS}


@pytest.mark.parametrize("own", ROOMS)
def test_imports_run_one_way(own: str) -> None:
    allowed = ROOMS[: ROOMS.index(own) + 1]
    for module, path in MODULES.items():
        if room(module) == own:
            used = {room(name) for name in imported(path) if name.startswith("swflow.")}
            assert used <= set(allowed), f"{module} uses {used - set(allowed)}"


def test_modules_do_not_wait_for_each_other() -> None:
    graph = {
        module: {name for name in imported(path) if name in MODULES and name != module}
        for module, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


@pytest.mark.parametrize("own", COMPUTING)
def test_nothing_that_computes_plots_stores_or_parses(own: str) -> None:
    foreign = {"matplotlib", "seaborn", "zarr", "typer", "yaml", "snakemake"}
    for module, path in MODULES.items():
        if room(module) == own and module != "swflow.settings.parsing":
            used = {name.partition(".")[0] for name in imported(path)} & foreign
            assert not used, f"{module} uses {used}"


def test_stores_import_nothing_that_computes() -> None:
    for module, path in MODULES.items():
        if room(module) == "store":
            used = {room(name) for name in imported(path) if name.startswith("swflow.")}
            assert used <= {"runtime", "representation", "store"}, module
            assert "torch" not in {name.partition(".")[0] for name in imported(path)} or (
                module == "swflow.store.model"  # reads tensors
            )


def test_loading_a_model_takes_no_stores_or_processes() -> None:
    code = (
        "import sys, swflow; swflow.load; print([name for name in "
        "('zarr', 'h5py', 'pandas', 'sklearn', 'matplotlib', 'swflow.runtime.processes') "
        "if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("module", MODULES)
def test_files_and_functions_are_short_enough_to_read(module: str) -> None:
    text = MODULES[module].read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"
