"""Model folders: weights.safetensors, settings.json, history.csv, README.md. Nothing is executed.

Models of latents have the decoder beside them: decoder.safetensors, or a user's decoder.onnx.
"""

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import load, save_file
from torch import Tensor

from swflow.representation.latent import is_onnx
from swflow.runtime.errors import InputError

FORMAT = 3
WEIGHTS, DESCRIPTION, HISTORY = "weights.safetensors", "settings.json", "history.csv"
CARD = "README.md"  # for people
DECODER, OWN_DECODER = "decoder.safetensors", "decoder.onnx"


class StoredModel(NamedTuple):
    """What a folder holds: the decoder is that of latents, packed, where the model draws some."""

    description: dict[str, Any]
    tensors: dict[str, Tensor]
    decoder: bytes | None


def write_model(
    folder: Path,
    description: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    history: list[dict[str, float]],
    decoder: bytes | None = None,
) -> None:
    """Write a model's files into an existing folder."""
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / WEIGHTS)
    said = {"format": FORMAT, **description}
    if decoder is not None:
        (folder / (OWN_DECODER if is_onnx(decoder) else DECODER)).write_bytes(decoder)
        said["decoder"] = hashlib.sha256(decoder).hexdigest()
    said["checksum"] = checksum(said, (folder / WEIGHTS).read_bytes())
    (folder / DESCRIPTION).write_text(json.dumps(said, indent=1))
    with (folder / HISTORY).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]) if history else ["step", "loss"])
        writer.writeheader()
        writer.writerows(history)


def is_model(folder: Path) -> bool:
    """Whether a folder looks like that of a model."""
    return (folder / DESCRIPTION).is_file()


def read_model(folder: Path) -> StoredModel:
    """A folder's description, tensors and decoder.

    Raises InputError where a file is absent, unreadable or of another format.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
        if description.get("format") != FORMAT:
            raise InputError(
                f"{folder}: model format {description.get('format')}, this version reads {FORMAT}; "
                "train it again."
            )
        weights = (folder / WEIGHTS).read_bytes()
        found = description.pop("checksum", None)
        if found != checksum(description, weights):
            raise InputError(
                f"{folder}: {DESCRIPTION} and {WEIGHTS} are not what was written together: one "
                "was changed or damaged. Train it again."
            )
        decoder = _read_decoder(folder, description.get("decoder"))
        return StoredModel(description | {"identity": found}, load(weights), decoder)
    except InputError:
        raise
    except Exception as error:  # safetensors, JSON and the file system raise unrelated types
        raise InputError(f"{folder}: not a readable model folder ({error}).") from error


def _read_decoder(folder: Path, expected: str | None) -> bytes | None:
    if expected is None:
        return None
    own = folder / OWN_DECODER
    file = own if own.is_file() else folder / DECODER
    decoder = file.read_bytes()
    if hashlib.sha256(decoder).hexdigest() != expected:
        raise InputError(
            f"{folder}: {file.name} is not what was written with the rest: it was changed or "
            "damaged. Train it again."
        )
    return decoder


def checksum(description: Mapping[str, Any], weights: bytes) -> str:
    """SHA-256 of both files' content, however the JSON is laid out."""
    text = json.dumps(description, sort_keys=True).encode()
    return hashlib.sha256(text + weights).hexdigest()
