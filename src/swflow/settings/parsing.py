"""Reading settings: one sentence for each fault, with the key, its value and what is allowed."""

import difflib
from collections.abc import Iterable
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from swflow.runtime.errors import InputError


def parse_settings(annotation: Any, values: Any, where: str) -> Any:
    """Validate values read from `where` as settings of a class, or of one of several kinds.

    Raises InputError that names each key, its value, what is allowed, and the remedy.
    """
    try:
        return TypeAdapter(annotation).validate_python(values)
    except ValidationError as error:
        raise InputError(f"{where}: {describe(error, annotation)}") from None


def describe(error: ValidationError, model: Any) -> str:
    """One sentence for each fault: key, value, what is allowed."""
    details = error.errors()
    inner = [d["loc"] for d in details]
    # A fault inside a list makes pydantic complain about the list as well: once is enough.
    kept = [d for d in details if not any(_inside(other, d["loc"]) for other in inner)]
    return " ".join(_describe_one(detail, model) for detail in kept)


def _inside(location: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(location) > len(outer) and location[: len(outer)] == outer


def _describe_one(detail: ErrorDetails, model: Any) -> str:
    key = ".".join(str(part) for part in _without_tags(detail["loc"], model))
    kind, message = detail["type"], detail["msg"]
    shown = f"{key or 'settings'} = {_shown(detail['input'])}"
    if kind == "extra_forbidden":
        return f"{key}: unknown key. {_known_keys(detail['loc'], model)}"
    if kind == "missing":
        return f"{key}: this key is missing; add it."
    if kind == "value_error":
        message = message.removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    if kind == "union_tag_not_found":
        return f"{key or 'settings'}: the key kind is missing; add it."
    if kind == "union_tag_invalid":
        context, where = detail["ctx"], f"{key}.kind".lstrip(".")
        return f"{where} = {context['tag']!r}: allowed are {context['expected_tags']}."
    if message.startswith("Input should be "):
        return f"{shown}: must be {message.removeprefix('Input should be ')}; change it."
    return f"{shown}: {message}."


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."


def _known_keys(location: tuple[int | str, ...], model: Any) -> str:
    known = _fields_at(location[:-1], model)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    return f"{hint}Allowed: {', '.join(sorted(known))}."


def _without_tags(location: tuple[int | str, ...], model: Any) -> Iterable[int | str]:
    """The location as a user wrote it: pydantic adds the tag of a union after the key."""
    return [part for part, model_here in _walk(location, model) if model_here is not _TAG]


_TAG = object()


def _walk(location: tuple[int | str, ...], model: Any) -> Iterable[tuple[int | str, Any]]:
    """Each part of an error's location with the type found there (_TAG for a union's tag)."""
    here: Any = model
    for part in location:
        tagged = [m for m in _members(here) if _tag(m) == part]
        if get_origin(here) in (dict, tuple):
            here = next(a for a in reversed(get_args(here)) if a is not Ellipsis)
        elif isinstance(here, type) and issubclass(here, BaseModel):
            fields = here.model_fields
            here = fields[str(part)].annotation if part in fields else None
        elif tagged:
            here = tagged[0]
            yield part, _TAG
            continue
        yield part, here


def _members(annotation: Any) -> list[Any]:
    """The settings models that an annotation may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in get_args(annotation) for m in _members(argument)]


def _tag(model: Any) -> Any:
    return model.model_fields["kind"].default if "kind" in model.model_fields else None


def _fields_at(location: tuple[int | str, ...], model: Any) -> list[str]:
    """Field names allowed at `location`."""
    here: Any = model
    for part, found in _walk(location, model):
        is_tag = found is _TAG
        here = next(m for m in _members(here) if _tag(m) == part) if is_tag else found
    members = _members(here)
    return list(members[0].model_fields) if members else []
