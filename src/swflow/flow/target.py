"""The target of a flow, whole in memory or read in fresh subsets from a dataset file."""

import math
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
        if not all_finite(found):
            bad = int((~torch.isfinite(found)).any(dim=1).sum())
            raise InputError(
                f"{self.x.file.filename}: {bad} of rows {rows.start} to {rows.stop} are not "
                "finite: prepare the dataset again."
            )
        return found.to(self.device)


def all_finite(x: Tensor) -> bool:
    """Whether every number is finite, by the extremes: a mask would take as much memory as x."""
    return not x.numel() or all(math.isfinite(end) for end in x.aminmax())


def fresh_subset(rows: Rows, size: int, generator: torch.Generator) -> Tensor:
    """`size` of the rows, drawn without replacement in runs of neighbours: `(size, d)`.

    The same rows whether they lie in memory or in a file. Raises InputError if there are fewer.
    """
    _check_size("target_batch", size, len(rows))
    return _taken(rows, [_in_runs(len(rows), generator)[:size]])[0]


def fresh_subsets(
    rows: Rows, label: Tensor, sizes: dict[int, int], generator: torch.Generator
) -> dict[int, Tensor]:
    """Of each class as many rows as its size says, drawn as `fresh_subset` does: `(size, d)` each.

    label: `(m,)`, on the CPU. Raises InputError where a class has fewer rows.
    """
    for known, size in sizes.items():
        _check_size(f"target_batch: the share of class {known}", size, int((label == known).sum()))
    order = _in_runs(len(rows), generator)
    of = label[order]
    chosen = [order[of == known][:size] for known, size in sizes.items()]
    return dict(zip(sizes, _taken(rows, chosen), strict=True))


def class_sizes(label: Tensor, size: int) -> dict[int, int]:
    """How many of `size` rows are of each class of `label (m,)`: in their shares, at least one."""
    classes, counts = label.unique(return_counts=True)
    shares = counts.double() / len(label)
    sizes = (shares * size).round().long().clamp(min=1)
    return dict(zip(classes.tolist(), sizes.tolist(), strict=True))


def _in_runs(n: int, generator: torch.Generator) -> Tensor:
    """The numbers of n rows `(n,)`, on the CPU: runs of neighbours in random order."""
    runs = torch.randperm(-(-n // RUN_ROWS), generator=generator, device=generator.device).cpu()
    order = (runs[:, None] * RUN_ROWS + torch.arange(RUN_ROWS)).flatten()
    return order[order < n]


def _taken(rows: Rows, chosen: list[Tensor]) -> list[Tensor]:
    """Rows of several lists of numbers, none named twice; of a file each run is read once."""
    if isinstance(rows, Tensor):
        return [rows[numbers.to(rows.device)] for numbers in chosen]
    wanted = torch.zeros(len(rows), dtype=torch.bool)
    wanted[torch.cat(chosen)] = True
    runs = [slice(begin, begin + RUN_ROWS) for begin in range(0, len(rows), RUN_ROWS)]
    read = torch.cat([rows[run][wanted[run]] for run in runs if wanted[run].any()])
    place = wanted.cumsum(0) - 1
    return [read[place[numbers]] for numbers in chosen]


def _check_size(what: str, size: int, there: int) -> None:
    if size > there:
        raise InputError(
            f"{what} = {size}, but the target has {there} rows: lower it, or leave it out."
        )
