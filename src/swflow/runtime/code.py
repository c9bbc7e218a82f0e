"""A digest of the code behind a product: what its roots lead to, and nothing else.

Roots are functions and classes; followed are the names that they use, and of classes the methods
whose names occur as attributes in what was followed. Editing a formula changes the digest, wherever
the formula lives. Comments, docstrings and layout do not count, nor do rooms that compute nothing:
what settings mean is in their JSON; how files, processes and progress are handled changes no
product.
"""

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from swflow.runtime.syntax import Function, Names, body_of, bound, is_import, tree_of, written

PACKAGE = "swflow"
SILENT = ("settings", "runtime", "store", "study", "stages", "cli")  # rooms that compute nothing
CALLED_UNNAMED = ("forward",)  # by torch, when a module is called


@cache
def code_version(*roots: str) -> str:
    """Digest of the code that roots lead to: `module:name`, or `module:Class.method`.

    Roots may lie in other packages; references are followed within their own package and swflow.
    Raises ModuleNotFoundError for a module that is not there, NameError for an unknown name.
    """
    digest = hashlib.sha256()
    for place, text in sorted(reached(*roots).items()):
        digest.update(f"{place}\n{text}\n".encode())
    return digest.hexdigest()[:16]


def reached(*roots: str) -> dict[str, str]:
    """The definitions that roots lead to, `module:name` or `module:Class.method`, as syntax."""
    reach = _Reach()
    for root in roots:
        module, _, place = root.partition(":")
        name, _, method = place.partition(".")
        if name not in _definitions(module):
            raise NameError(f"{module} defines no {name!r}, which a digest begins at.")
        reach.define(module, name)
        reach.use(method)
    return reach.found


class _Reach:
    """What was reached so far, and methods that wait for their name to be used."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.used: set[str] = set(CALLED_UNNAMED)
        self.waiting: dict[str, list[tuple[str, str, ast.stmt]]] = defaultdict(list)

    def define(self, module: str, name: str) -> None:
        """Reach a definition of a module; the name "" stands for statements that bind none."""
        place = f"{module}:{name}"
        if place in self.found or _silent(module):
            return
        self.found[place] = ""
        for node in _definitions(module).get(name, []):
            if isinstance(node, ast.ClassDef):
                self._define_class(module, node)
            else:
                self._follow(module, place, node)
        if "" in _definitions(module):
            self.define(module, "")

    def use(self, attribute: str) -> None:
        """Reach the methods of this name, of classes reached so far and from now on."""
        if attribute and attribute not in self.used:
            self.used.add(attribute)
            for waiting in self.waiting.pop(attribute, []):
                self._follow(*waiting)

    def _define_class(self, module: str, node: ast.ClassDef) -> None:
        header, methods = _parts(node)
        self._follow(module, f"{module}:{node.name}", header)
        for method in methods:
            name, of = method.name, f"{module}:{node.name}.{method.name}"
            if name in self.used or name.startswith("__"):
                self._follow(module, of, method)
            else:
                self.waiting[name].append((module, of, method))

    def _follow(self, module: str, place: str, node: ast.stmt) -> None:
        """Note a statement, and reach what it refers to."""
        text, attributes, references = _content(module, node)
        self.found[place] = self.found.get(place, "") + text
        for attribute in attributes:
            self.use(attribute)
        for target in references:
            self.define(*target)


@cache
def _parts(node: ast.ClassDef) -> tuple[ast.ClassDef, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    """A class without its methods, and these."""
    rest = [each for each in node.body if not isinstance(each, Function)]
    methods = [each for each in node.body if isinstance(each, Function)]
    return ast.ClassDef(node.name, node.bases, node.keywords, rest, node.decorator_list), methods


@cache
def _content(module: str, node: ast.stmt) -> tuple[str, set[str], list[tuple[str, str]]]:
    """A statement's syntax (of an import: none), the attributes it takes, what it refers to."""
    if is_import(node):
        targets = _imported(module, node).values()
        return "", set(), [found for target in targets for found in _resolved(module, target)]
    text, names = written(node)
    return text, names.attributes, list(_references(module, names))


def literal(module: str, name: str) -> object:
    """The value of a constant of a module, written out there, without importing it.

    `__doc__`: the module's docstring. Raises NameError where there is none.
    """
    tree = _parsed(module)
    if name == "__doc__":
        return ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and bound(node) == [name] and node.value:
            return ast.literal_eval(node.value)
    raise NameError(f"{module} has no constant {name}.")


@cache
def source_file(module: str) -> Path | None:
    """The file of a module; nothing but its parent packages is imported."""
    if module.partition(".")[0] == PACKAGE:  # not even those
        path = Path(__file__).parents[1].joinpath(*module.split(".")[1:])
        candidates = (path.with_suffix(".py"), path / "__init__.py")
        return next((file for file in candidates if file.is_file()), None)
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _silent(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package == PACKAGE and rest.partition(".")[0] in SILENT


@cache
def _parsed(module: str) -> ast.Module:
    file = source_file(module)
    if file is None:
        raise ModuleNotFoundError(f"no module {module!r} to take the version of.")
    return tree_of(file.read_text())


@cache
def _definitions(module: str) -> dict[str, list[ast.stmt]]:
    """The statements of a module by the names that they bind, without its docstring."""
    found = dict[str, list[ast.stmt]]()
    for statement in body_of(_parsed(module)):
        for name in bound(statement) or [""]:
            found.setdefault(name, []).append(statement)
    return found


def _references(module: str, names: Names) -> Iterator[tuple[str, str]]:
    """The definitions that names in a module refer to, in it or in others."""
    known, local = _definitions(module), dict[str, str]()
    for inner in names.imports:
        local |= _imported(module, inner)
    for chain in names.chains:
        first = chain[0]
        if first in local:
            yield from _resolved(module, local[first], chain[1:])
        elif first in known:
            imports = [each for each in known[first] if is_import(each)]
            for each in imports:
                yield from _resolved(module, _imported(module, each)[first], chain[1:])
            if len(imports) < len(known[first]):
                yield module, first


def _imported(module: str, node: ast.AST) -> dict[str, str]:
    """What each name of an import in a module stands for: `module`, or `module:name`."""
    if isinstance(node, ast.Import):
        whole = {alias.asname: alias.name for alias in node.names if alias.asname}
        first = [alias.name.partition(".")[0] for alias in node.names if not alias.asname]
        return whole | {name: name for name in first}
    assert isinstance(node, ast.ImportFrom)
    above = module.split(".")[: -node.level] if node.level else []
    source = ".".join([*above, *filter(None, [node.module])])
    return {alias.asname or alias.name: f"{source}:{alias.name}" for alias in node.names}


def _resolved(
    user: str, target: str, attributes: tuple[str, ...] = ()
) -> Iterator[tuple[str, str]]:
    """The definitions behind a name that a module imported, or an attribute of such a module."""
    module, _, name = target.partition(":")
    if module.partition(".")[0] not in {PACKAGE, user.partition(".")[0]}:
        return
    if name and source_file(module) and name in _definitions(module):
        yield module, name
        return
    whole = f"{module}.{name}" if name else module
    if source_file(whole) is None:
        return
    known = _definitions(whole)
    if attributes and attributes[0] in known:
        yield whole, attributes[0]
    elif attributes and source_file(f"{whole}.{attributes[0]}"):
        yield from _resolved(user, f"{whole}.{attributes[0]}", attributes[1:])
    else:
        yield from ((whole, each) for each in known)
