"""Arrays that say that they are larger than they can be: refused before memory is taken."""

import os

from swflow.runtime.errors import InputError


def memory_bytes() -> int:
    """Of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def refuse_larger(n_bytes: int, where: str, *, stored: int | None = None) -> None:
    """Raise InputError where an array of so many bytes fits no memory, or is not there.

    stored: the bytes that hold it, where it is not compressed.
    """
    if stored is not None and n_bytes > stored:
        raise InputError(
            f"{where}: its header says {n_bytes} bytes, {stored} are there: it is damaged."
        )
    if n_bytes > (limit := memory_bytes()):
        raise InputError(
            f"{where}: its header says {n_bytes} bytes, and this machine has {limit} of memory."
        )
