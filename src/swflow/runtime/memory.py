"""Arrays that say that they are larger than they can be: refused before memory is taken."""

import os
from collections.abc import Iterator
from pathlib import Path

from swflow.runtime.errors import InputError

OWN_GROUPS, CONTROL_GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def memory_bytes() -> int:
    """Of this machine, or of the job or container that this process runs in, if that is less."""
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_limits()])


def _limits() -> Iterator[int]:
    """Of control groups, of both versions, and of what they lie in."""
    try:
        lines = OWN_GROUPS.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if "memory" in controllers.split(","):
            root, name = CONTROL_GROUPS / "memory", "memory.limit_in_bytes"
        elif not controllers:
            root, name = CONTROL_GROUPS, "memory.max"
        else:
            continue
        folder = root / place.strip("/")
        for inside in (folder, *folder.parents[: len(folder.parts) - len(root.parts)]):
            file = inside / name
            if file.is_file() and (said := file.read_text().strip()).isdigit():
                yield int(said)


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
