"""Scores on disk: JSON, a file for each group of metrics of a row at a seed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path

FORMAT = 2


def write_scores(
    out: Path,
    rows: Sequence[dict[str, Any]],
    key: str = "",
    inputs: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write records; `key` says what they were computed from: code, sizes, and these inputs."""
    said = {"format": FORMAT, "key": key, "inputs": dict(inputs), "rows": list(rows)}
    with atomic_path(out) as partial:
        partial.write_text(json.dumps(said, indent=1))


def read_scores(path: Path) -> list[dict[str, Any]]:
    """The records of a file. Raises InputError where it is not one of this version."""
    content = _read(path)
    known = isinstance(content, dict) and content.get("format") == FORMAT
    rows = content.get("rows") if known else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f"{path}: scores of another version: remove {path} and run snakemake (or `swflow "
            "score`) again."
        )
    return list(rows)


def read_key(path: Path) -> str | None:
    """What the records of a file were computed from; None where there is no such file."""
    try:
        content = _read(path)
    except InputError:
        return None
    return content.get("key") if isinstance(content, dict) else None


def read_inputs(path: Path) -> dict[str, Any]:
    """What identifies the inputs of a file's records, by name; of older files nothing."""
    content = _read(path)
    found = content.get("inputs") if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a readable score file ({error}).") from error
