"""What a statement says: its syntax as text, the names that it binds, and those that it reads."""

import ast
from functools import cache
from typing import NamedTuple

Function = (ast.FunctionDef, ast.AsyncFunctionDef)
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

tree_of = cache(ast.parse)  # of a text, which may be that of several copies


@cache
def written(node: ast.stmt) -> "tuple[str, Names]":
    """A statement's syntax as text, and what it reads."""
    return dumped(node), _names(node)


def dumped(node: object) -> str:
    """Syntax as text, the same in every version of Python, without docstrings."""
    if isinstance(node, list):
        return f"[{', '.join([dumped(each) for each in node])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    said = [
        f"{name}={dumped(value)}"
        for name, value in _fields(node)
        if (value is not None and value != []) or (name == "value" and type(node) is ast.Constant)
    ]
    return f"{type(node).__name__}({', '.join(said)})"


def _fields(node: ast.AST) -> list[tuple[str, object]]:
    """As `ast.iter_fields`, which takes twice the time, without docstrings."""
    said = node.__dict__
    found = [(name, said[name]) for name in node._fields if name in said]
    if isinstance(node, Documented):
        return [(name, body_of(node) if name == "body" else value) for name, value in found]
    return found


def body_of(node: Documented) -> list[ast.stmt]:
    """Statements without the docstring."""
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return node.body


def bound(statement: ast.stmt) -> list[str]:
    """The names that a statement of a module binds."""
    if isinstance(statement, (ast.ClassDef, *Function)):
        return [statement.name]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return [node.id for node in names if isinstance(node.ctx, ast.Store)]


def is_import(node: ast.AST) -> bool:
    """Whether it imports."""
    return isinstance(node, (ast.Import, ast.ImportFrom))


class Names(NamedTuple):
    """What a statement reads: names with attributes of them (`a`, `a.b.c`), attributes, imports."""

    chains: set[tuple[str, ...]]
    attributes: set[str]
    imports: list[ast.AST]


def _names(node: ast.AST) -> Names:
    found, waiting = Names(set(), set(), []), [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, ast.Name):
            found.chains.add((inner.id,))
        elif isinstance(inner, ast.Attribute):
            parts, value = [inner.attr], inner.value
            while isinstance(value, ast.Attribute):
                parts.append(value.attr)
                value = value.value
            found.attributes.update(parts)
            if isinstance(value, ast.Name):
                found.chains.add((value.id, *reversed(parts)))
            else:
                waiting.append(value)
        elif is_import(inner):
            found.imports.append(inner)
        else:
            for value in inner.__dict__.values():
                if isinstance(value, list):
                    waiting.extend([each for each in value if isinstance(each, ast.AST)])
                elif isinstance(value, ast.AST):
                    waiting.append(value)
    return found
