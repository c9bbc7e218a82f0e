"""The target of a flow, whole in memory or read in fresh subsets from a dataset file."""

import math
from typing import Protocol

import h5py
import torch
from torch import Tensor

from swflow.errors import InputError

# Subsets are made of runs of neighbouring rows: a file is read in few pieces. Dataset files hold
# their rows in random order, so that such a subset is as good as one of single rows.
RUN_ROWS = 64


class Rows(Protocol):
    """Rows `(m, d)` that can be read a slice at a time: a tensor, or a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows and dimension."""

    def __len__(self) -> int:
        """Number of rows."""

    def __getitem__(self, rows: slice) -> Tensor:
        """Some rows `(k, d)`."""


class StoredRows:
    """Flattened rows of a streamed dataset `(m, *event_shape)`, read when asked for."""

    def __init__(self, x: h5py.Dataset, device: torch.device | str) -> None:
        self.x, self.device = x, device
        self.shape = (len(x), math.prod(x.shape[1:]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Tensor:
        try:
            found = torch.from_numpy(self.x[rows]).reshape(-1, self.shape[1])
        except OSError as error:
            raise InputError(
                f"{self.x.file.filename}: rows {rows.start} to {rows.stop} cannot be read "
                f"({error}): remove the file and run `swflow prepare` (or snakemake) again."
            ) from error
        bad = int((~torch.isfinite(found)).any(dim=1).sum())
        if bad:
            raise InputError(
                f"{self.x.file.filename}: {bad} of rows {rows.start} to {rows.stop} are not "
                "finite: prepare the dataset again."
            )
        return found.to(self.device)


def fresh_subset(rows: Rows, size: int, generator: torch.Generator) -> Tensor:
    """`size` of the rows, drawn without replacement in runs of neighbours: `(size, d)`.

    The same rows whether they lie in memory or in a file. Raises InputError if there are fewer.
    """
    if size > len(rows):
        raise InputError(
            f"target_batch = {size}, but the target has {len(rows)} rows: lower it, or leave it "
            "out."
        )
    device = generator.device
    runs = torch.randperm(-(-len(rows) // RUN_ROWS), generator=generator, device=device)
    parts, found = [], 0
    for run in runs.tolist():
        part = rows[run * RUN_ROWS : min((run + 1) * RUN_ROWS, len(rows))]
        parts.append(part[: size - found])
        found += len(parts[-1])
        if found == size:
            break
    return torch.cat(parts)
