"""Models: whatever can be drawn from. Kinds are looked up by name, imported only when used."""

from pathlib import Path

from swflow.errors import InputError
from swflow.models.base import Domain, Model, Sampler, kind_class, read_folder
from swflow.settings import AnyModelSettings, parse_settings

__all__ = ["Domain", "Model", "Sampler", "load"]


def load(path: str | Path) -> Model:
    """Load a trained model of any kind from its folder. Nothing in the folder is executed.

    Raises InputError (a ValueError) where files are missing, foreign or do not fit together.
    """
    folder = Path(path)
    description, tensors = read_folder(folder)
    try:
        kind = kind_class(description["kind"])
        settings = parse_settings(AnyModelSettings, description["settings"], str(folder))
        domain = Domain.from_json(description["domain"])
        model: Model = kind.rebuild(settings, domain, tensors)
        model.attributes = description
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: the files do not make a model ({error}).") from error
    return model
