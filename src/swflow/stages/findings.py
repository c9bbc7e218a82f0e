"""What is found wrong with a product, and how it is said."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from swflow.runtime.errors import InputError

DAMAGED, UNFINISHED, STALE, FOREIGN = "damaged", "unfinished", "stale", "foreign"
AGAIN = "remove it and run snakemake again"
# What an interrupted job leaves beside a product.
LEFT = (".partial", ".checkpoint", ".lock")


class Finding(NamedTuple):
    """What is wrong with a file or folder, in which way, and what to do."""

    path: Path
    state: str
    says: str
    remedy: str = AGAIN


def same(path: Path, said: object, found: object, what: str) -> Iterator[Finding]:
    """A product is stale that was made of something else than what is there now."""
    if said is not None and found is not None and said != found:
        yield stale(path, what)


def stale(path: Path, what: str) -> Finding:
    """Of a product that was made of something else."""
    return Finding(path, STALE, f"it was made of another state of {what}", "run snakemake again")


def damaged(path: Path, error: InputError) -> Finding:
    """What a reader says of a product."""
    return Finding(path, DAMAGED, str(error).removeprefix(f"{path}: ").rstrip("."))
