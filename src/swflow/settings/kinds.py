"""Kinds of settings: those of this package, and those that installed packages add."""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, get_args

from pydantic import ValidationError, WrapValidator

from swflow.runtime.errors import InputError
from swflow.settings.base import Kind
from swflow.settings.parsing import describe


def classes(annotation: Any) -> Iterator[type[Kind]]:
    """The settings classes that an annotation may hold."""
    if isinstance(annotation, type) and issubclass(annotation, Kind):
        yield annotation
    for argument in get_args(annotation):
        yield from classes(argument)


def gathered(values: Any, field: str, union: Any) -> Any:
    """Settings in which `field` names a kind and its own fields stand beside it, made nested.

    `{transport: sketch, n_quantiles: 50}` becomes `{transport: {kind: sketch, n_quantiles: 50}}`.
    """
    if not isinstance(values, dict) or not isinstance(values.get(field), str):
        return values
    own = next((c.model_fields for c in classes(union) if tag(c) == values[field]), {})
    inner = {name: value for name, value in values.items() if name in own}
    rest = {name: value for name, value in values.items() if name not in inner}
    return rest | {field: inner | {"kind": values[field]}}


def tag(settings: type[Kind]) -> str:
    """The name of a kind, as configs write it."""
    return str(settings.model_fields["kind"].default)


def installed(group: str, name: str) -> Any:
    """What an installed package declares under a name as entry point of a group, or None."""
    found = next(iter(entry_points(group=group, name=name)), None)
    return None if found is None else found.load()


def or_installed(group: str, union: Any) -> WrapValidator:
    """Let a union take kinds, too, whose settings class an installed package declares."""
    own = {tag(settings) for settings in classes(union)}

    def validate(values: Any, handler: Callable[[Any], Any]) -> Any:
        name = values.get("kind") if isinstance(values, dict) else None
        if not isinstance(name, str) or name in own:
            return values if isinstance(values, Kind) else handler(values)
        settings = installed(group, name)
        if settings is None:
            return handler(values)  # which says what is allowed
        try:
            return settings.model_validate(values)
        except ValidationError as error:
            raise ValueError(describe(error, settings)) from None

    return WrapValidator(validate)


def implementation(settings: Kind) -> Any:
    """The class or function that `settings.home` names. Raises InputError where it is missing."""
    module, _, name = settings.home.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"kind {settings.kind!r}: {settings.home} is not there ({error})."
        ) from error
