"""Config files, joined as Snakemake joins them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from swflow.runtime.yaml import config


def merged(configs: Sequence[Path]) -> dict[str, Any]:
    """Mappings joined, all else replaced; later files over earlier ones.

    Raises InputError where one cannot be read.
    """
    found: dict[str, Any] = {}
    for path in configs:
        _join(found, config(path))
    return found


def _join(under: dict[str, Any], values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _join(under[key], value)
        else:
            under[key] = value
