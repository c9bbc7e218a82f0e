"""Arrays that say that they are larger than they can be: refused before memory is taken."""

import os

from swflow.runtime.errors import InputError


def memory_bytes() -> int:
    """Of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def refuse_missing(n_bytes: int, stored: int, where: str) -> None:
    """Raise InputError where an array says more bytes than hold it, and is not compressed."""
    if n_bytes > stored:
        raise InputError(
            f"{where}: its header says {n_bytes} bytes, {stored} are there: it is damaged."
        )


def refuse_larger(n_bytes: int, where: str) -> None:
    """Raise InputError where an array that is read whole fits no memory."""
    if n_bytes > (limit := memory_bytes()):
        raise InputError(
            f"{where}: its header says {n_bytes} bytes, and this machine has {limit} of memory."
        )
