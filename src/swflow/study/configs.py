"""Config files, joined as Snakemake joins them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from swflow.runtime.errors import InputError


def merged(configs: Sequence[Path]) -> dict[str, Any]:
    """Mappings joined, all else replaced; later files over earlier ones.

    Raises InputError where one cannot be read.
    """
    found: dict[str, Any] = {}
    for path in configs:
        try:
            values = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: no config could be read ({reason}).") from error
        if not isinstance(values, dict):
            raise InputError(f"{path}: a config must be a mapping of keys to values.")
        _join(found, values)
    return found


def _join(under: dict[str, Any], values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _join(under[key], value)
        else:
            under[key] = value
