"""The prepare stage: from a dataset's settings to its file."""

from pathlib import Path

from swflow.datasets.make import RawRows, encoded, make_dataset
from swflow.settings import RowsSettings
from swflow.store.dataset import write_dataset


def prepare(settings: RowsSettings, name: str, out: Path) -> None:
    """Make or read a dataset, and write its splits in model units.

    Raises InputError on input that cannot be used.
    """
    write_splits(make_dataset(settings), name, out)


def write_splits(splits: dict[str, RawRows], name: str, out: Path) -> None:
    """Write splits train, heldout and test, given in data units. Raises as `prepare`."""
    units, rows = encoded(name, splits)
    labelled = {split: (rows[split], splits[split].y) for split in rows}
    write_dataset(out, name, units, labelled, splits["train"].attributes)
