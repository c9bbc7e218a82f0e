"""What commands share: options, settings given as text, the device."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args

import typer
import yaml

from swflow.runtime.errors import InputError
from swflow.runtime.files import is_product
from swflow.runtime.yaml import mapping, parsed


class Field(NamedTuple):
    """A field of settings: its name within them, its default as JSON, and what it means."""

    name: str
    default: str
    meaning: str


def fields(annotation: Any) -> str:
    """The fields of settings, for --help, with what their descriptions say."""
    lines = []
    for kind, meaning, of_kind in described(annotation):
        if kind:
            lines.append(f"kind {kind}: {meaning}")
        lines += [f"- {of.name} ({of.default}). {of.meaning}" for of in of_kind] + [""]
    return "Settings, given by --settings and --set:\n\n" + "\n".join(lines)


def described(annotation: Any) -> Iterator[tuple[str, str, list[Field]]]:
    """Kind (empty where there is one alone), meaning and fields of each class of settings."""
    for model in _classes(annotation):
        kind = model.model_fields["kind"].default if "kind" in model.model_fields else ""
        yield kind, inspect.getdoc(model) or "", list(_fields_of(model, ""))


def _fields_of(model: Any, prefix: str) -> Iterator[Field]:
    from swflow.settings import Kind, Settings

    for name, field in model.model_fields.items():
        default, kinds = field.default, _classes(field.annotation)
        if isinstance(default, Kind) and len(kinds) > 1:
            yield Field(prefix + name, default.kind, field.description or "")
            for kind in kinds:
                of = f"{prefix}{name}.{kind.model_fields['kind'].default}."
                yield from _fields_of(kind, of)
        elif isinstance(default, Settings):
            yield Field(prefix + name, "below", field.description or inspect.getdoc(default) or "")
            yield from _fields_of(type(default), f"{prefix}{name}.")
        elif name != "kind":
            shown = "required" if field.is_required() else json.dumps(default, default=str)
            yield Field(prefix + name, shown, field.description or "")


def _classes(annotation: Any) -> list[Any]:
    if hasattr(annotation, "model_fields"):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _classes(argument)]


SettingsText = Annotated[
    str,
    typer.Option("--settings", help="Settings as JSON, or a YAML or JSON file that holds them."),
]
Overrides = Annotated[
    list[str], typer.Option("--set", help="One field, such as entropy=0.1; may be repeated.")
]
Out = Annotated[Path, typer.Option("--out", help="What to write; it appears whole or not at all.")]
Seed = Annotated[int, typer.Option("--seed", help="Key of every random number.", min=0)]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda or cuda:N.")]
DatasetFile = Annotated[Path, typer.Option("--dataset", help="Dataset file of `swflow prepare`.")]
CheckpointSeconds = Annotated[
    float,
    typer.Option(help="Seconds between checkpoints, to go on from if interrupted.", min=0),
]
Entropies = Annotated[
    list[float], typer.Option("--entropy", help="Entropy to draw at; repeat (default: all).")
]
ModelFolder = Annotated[Path, typer.Argument(help="Folder of a trained model.")]
Sources = Annotated[
    list[Path], typer.Option("--source", help="What was drawn from; may be repeated.")
]
References = Annotated[
    list[Path], typer.Option("--reference", help="Store of a run to compare with; repeat.")
]
Source = Annotated[list[Path], typer.Argument(help="Model folder, flow stores or dataset file.")]
Names = Annotated[
    str, typer.Option("--names", help="What figures call presets, as JSON: {preset: words}.")
]
Passes = Annotated[
    list[int], typer.Option("--passes", help="Evaluations of the network; repeat.", min=1)
]
Label = Annotated[
    int | None, typer.Option("--label", help="Class to draw (default: all, in their shares).")
]
Quasi = Annotated[bool, typer.Option("--quasi", help="From scrambled Sobol source points.")]
Times = Annotated[
    list[float], typer.Option("--time", help="Time to draw at; repeat (default: all stored).")
]


def read_settings(
    annotation: Any, text: str, overrides: list[str], option: str = "--settings"
) -> Any:
    """Settings from JSON or a file, with single fields replaced. Raises InputError."""
    from swflow.settings import parse_settings

    values, where = _read_values(text, option)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise InputError(f"--set {override}: write it as key=value.")
        *parents, last = key.split(".")
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise InputError(
                    f"--set {override}: {parent} is {target!r}, which has no fields; set it whole."
                )
        try:
            target[last] = parsed(value)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"--set {override}: the value cannot be read ({reason}).") from error
    return parse_settings(annotation, values, where)


def _read_values(text: str, option: str) -> tuple[dict[str, Any], str]:
    inline = text.lstrip().startswith("{")
    where = option if inline else text
    values = mapping(text if inline else Path(text), where, "settings")
    return values, where


def read_names(text: str) -> dict[str, str]:
    """What figures call presets. Raises InputError for what is no mapping of words."""
    names: dict[str, str] = read_settings(dict[str, str], text, [], option="--names")
    return names


def keep_inputs(out: Path, *read: Path | None) -> None:
    """Refuse to write over what a command reads, or into it. Raises InputError."""
    place = out.resolve()
    for path in filter(None, read):
        given = path.resolve()
        inside = given in place.parents and is_product(given)
        if place == given or place in given.parents or inside:
            raise InputError(f"--out {out}: {path} is read there; choose another place.")


def checked_device(name: str) -> str:
    """A device that is there: no silent fallback to the CPU. Raises InputError."""
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise InputError(f"--device {name}: allowed are cpu, cuda and cuda:N.")
    if name == "cpu":
        return name
    import torch

    if not torch.cuda.is_available():
        raise InputError(f"--device {name}: torch sees no GPU here; use --device cpu.")
    _, _, number = name.partition(":")
    if number and int(number) >= (there := torch.cuda.device_count()):
        raise InputError(f"--device {name}: there are {there} GPUs, numbered from 0 on.")
    return name
