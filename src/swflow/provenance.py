"""What a product was made by: a digest of the code behind it, and the versions in use."""

import ast
import hashlib
import os
import platform
import re
import resource
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = "swflow"
# What settings mean is in their JSON; a new default or a new kind must not replan old products.
EXCLUDED = f"{PACKAGE}.settings"


def code_version(*modules: str) -> str:
    """Digest of the code of modules and of the package modules they import, however deep.

    Comments, docstrings and layout do not count, nor do settings. Raises ModuleNotFoundError.
    """
    digest = hashlib.sha256()
    names: set[str] = set()
    for module in modules:
        _imported(module, names)
    for name in sorted(names):
        digest.update(f"{name}\n{_skeleton(name)}\n".encode())
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """Versions of this package, Python and the numerical libraries, for a product's attributes."""
    found = {"python": platform.python_version()}
    for name in (PACKAGE, "torch", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree
            found[name] = "unknown"
    return found


def machine() -> str:
    """Processors and GPU, as the system names them."""
    import torch

    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.is_file() else []
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{os.cpu_count()} × {names[0] if names else platform.processor()}, {gpu}"


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _imported(module: str, seen: set[str]) -> set[str]:
    if module in seen or module == EXCLUDED or module.startswith(EXCLUDED + "."):
        return seen
    seen.add(module)
    for node in ast.walk(_parse(module)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name` may import a module or a name of the package.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.startswith(PACKAGE + ".") and _file(name):
                _imported(name, seen)
    return seen


def _file(module: str) -> Path | None:
    """The file of a package module, found without importing anything."""
    path = Path(__file__).parent.joinpath(*module.split(".")[1:])
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


@cache
def _parse(module: str) -> ast.Module:
    file = _file(module)
    if file is None:
        raise ModuleNotFoundError(f"no module {module!r} to take the version of.")
    return ast.parse(file.read_text())


@cache
def _skeleton(module: str) -> str:
    tree = _parse(module)
    for node in ast.walk(tree):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
