"""Checkpoints: where an interrupted job goes on from, beside the product it was making."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from swflow.runtime.errors import InputError
from swflow.runtime.files import check_named, partial_path, remove

CHECKPOINT_SECONDS = 60.0  # between two of them


class Checkpoint:
    """`<product>.checkpoint`: tensors, and notes on what they belong to.

    identity: what a job must have in common with the one that wrote it, by name: settings, seed,
    data, code. It goes with `<product>.partial`, which holds what was written so far.
    """

    def __init__(self, product: Path, identity: Mapping[str, Any]) -> None:
        check_named(product)
        self.path = product.with_name(product.name + ".checkpoint")
        self.partial = partial_path(product)
        self.identity = dict(identity)

    def read(self, device: torch.device | str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and notes, or None where there is nothing to go on from.

        One without what was written so far goes with nothing that will be written: it is removed.
        Raises InputError where it is of another job, or unreadable; it is kept.
        """
        if not self.partial.exists():
            self.path.unlink(missing_ok=True)
        if not self.path.is_file():
            return None
        remedy = f"remove {self.path} and {self.partial} to start anew."
        try:
            with safe_open(self.path, "pt", device=str(device)) as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            identity, notes = json.loads(metadata["identity"]), json.loads(metadata["notes"])
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise InputError(
                f"{self.path}: not a readable checkpoint ({error}): {remedy}"
            ) from error
        differing = [name for name, value in self.identity.items() if identity.get(name) != value]
        if differing:
            raise InputError(
                f"{self.path}: an interrupted job with other {', '.join(differing)} left this. "
                f"Run it with those again to finish it, or {remedy}"
            )
        return tensors, notes

    def write(self, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
        """Replace the checkpoint, whole or not at all. Raises OSError, such as for a full disk."""
        # In a folder of its own: safetensors writes to a file that it names itself, which a kill
        # would leave behind.
        folder = partial_path(self.path)
        remove(folder)
        folder.mkdir()
        fresh = folder / "state"
        metadata = {"identity": json.dumps(self.identity), "notes": json.dumps(dict(notes))}
        try:
            save_file({k: v.contiguous() for k, v in tensors.items()}, fresh, metadata)
        except SafetensorError as error:
            remove(folder)
            raise OSError(f"{self.path}: checkpoint not written ({error})") from error
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder.rmdir()

    def remove(self) -> None:
        """Remove it, and what a kill left of another: the product is whole."""
        self.path.unlink(missing_ok=True)
        remove(partial_path(self.path))
