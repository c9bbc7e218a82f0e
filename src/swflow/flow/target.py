"""The target of a flow, whole in memory or read in fresh subsets from a dataset file."""

import math
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from swflow.runtime.errors import InputError

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
    """Flattened rows of an HDF5 file's array x `(m, *event_shape)`, read when asked for.

    Raises InputError where rows cannot be read, or are not finite.
    """

    def __init__(self, x: Any, device: torch.device | str) -> None:
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
    _check_size("target_batch", size, len(rows))
    parts, found = [], 0
    for begin, end in _runs(len(rows), generator):
        part = rows[begin:end]
        parts.append(part[: size - found])
        found += len(parts[-1])
        if found == size:
            break
    return torch.cat(parts)


def fresh_subsets(
    rows: Rows, label: Tensor, sizes: dict[int, int], generator: torch.Generator
) -> dict[int, Tensor]:
    """Of each class as many rows as its size says, drawn as `fresh_subset` does: `(size, d)` each.

    label: `(m,)`. Raises InputError where a class has fewer rows.
    """
    for known, size in sizes.items():
        _check_size(f"target_batch: the share of class {known}", size, int((label == known).sum()))
    parts: dict[int, list[Tensor]] = {known: [] for known in sizes}
    missing = dict(sizes)
    for begin, end in _runs(len(rows), generator):
        run, of = rows[begin:end], label[begin:end]
        for known in list(missing):
            part = run[of == known][: missing[known]]
            parts[known].append(part)
            missing[known] -= len(part)
            if not missing[known]:
                del missing[known]
        if not missing:
            break
    return {known: torch.cat(found) for known, found in parts.items()}


def class_sizes(label: Tensor, size: int) -> dict[int, int]:
    """How many of `size` rows are of each class of `label (m,)`: in their shares, at least one."""
    classes, counts = label.unique(return_counts=True)
    shares = counts.double() / len(label)
    sizes = (shares * size).round().long().clamp(min=1)
    return dict(zip(classes.tolist(), sizes.tolist(), strict=True))


def _runs(n: int, generator: torch.Generator) -> Iterator[tuple[int, int]]:
    """Begin and end of runs of neighbouring rows, in random order, until all n were named."""
    order = torch.randperm(-(-n // RUN_ROWS), generator=generator, device=generator.device)
    for run in order.tolist():
        yield run * RUN_ROWS, min((run + 1) * RUN_ROWS, n)


def _check_size(what: str, size: int, there: int) -> None:
    if size > there:
        raise InputError(
            f"{what} = {size}, but the target has {there} rows: lower it, or leave it out."
        )
