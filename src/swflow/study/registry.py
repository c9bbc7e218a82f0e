"""Groups of metrics, tables and figures by name: files of this package, or installed ones.

A file says what it needs in the constant `NEEDS`, which is read without importing it.
"""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from swflow.runtime.code import literal, source_file
from swflow.runtime.errors import InputError

ROOMS = {
    "metrics": "swflow.metrics",
    "tables": "swflow.report.tables",
    "figures": "swflow.report.figures",
}


@cache
def modules(room: str) -> dict[str, str]:
    """Module of each group of metrics, table or figure, in order of name.

    Those of other packages are entry points of the group `swflow.<room>`.
    """
    init = source_file(ROOMS[room])
    assert init is not None
    own = {path.stem: f"{ROOMS[room]}.{path.stem}" for path in init.parent.glob("*.py")}
    found = {name: module for name, module in own.items() if constant(module, "NEEDS") is not None}
    found |= {entry.name: entry.value for entry in entry_points(group=f"swflow.{room}")}
    return dict(sorted(found.items()))


def module(room: str, name: str) -> str:
    """The module of one of them. Raises InputError for an unknown name."""
    known = modules(room)
    if name not in known:
        what = {"metrics": "group of metrics"}.get(room, room.rstrip("s"))
        raise InputError(f"{what} {name!r} is unknown: allowed are {', '.join(known)}.")
    return known[name]


def constant(module: str, name: str) -> Any:
    """A constant written out in a module, or None."""
    try:
        return literal(module, name)
    except NameError:
        return None


def floors() -> dict[str, str]:
    """The row whose score is the floor of a metric, for each metric that has one."""
    found: dict[str, str] = {}
    for name in modules("metrics").values():
        found |= constant(name, "FLOORS") or {}
    return found
