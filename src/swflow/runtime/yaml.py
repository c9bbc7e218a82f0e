"""Mappings from YAML or JSON, as people write them."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from swflow.runtime.errors import InputError


class _OnceLoader(yaml.SafeLoader):
    """Of keys that stand twice YAML's own loader takes the last, and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            line = key_node.start_mark.line + 1
            if key in lines:
                raise yaml.YAMLError(
                    f"{key} stands in line {lines[key]} and in line {line}: one of them would be "
                    "lost"
                )
            lines[key] = line
        return super().construct_mapping(node, deep)


def parsed(text: str) -> Any:
    """What a text says. Raises yaml.YAMLError, also on keys that stand twice; RecursionError."""
    loader = _OnceLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def mapping(given: Path | str, where: str, what: str) -> dict[str, Any]:
    """A file's, or a text's. Raises InputError, which says where, where it cannot be read."""
    try:
        values = parsed(given.read_text() if isinstance(given, Path) else given)
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{where}: {what} cannot be read ({reason}).") from error
    if not isinstance(values, dict):
        raise InputError(f"{where}: {what} must be a mapping of keys to values.")
    return values


def config(path: Path) -> dict[str, Any]:
    """What a config file says. Raises InputError where it cannot be read."""
    return mapping(path, str(path), "the config")
