"""What a product was made with: versions, the machine, its memory."""

import os
import platform
import re
import resource
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = "swflow"


def versions() -> dict[str, str]:
    """Versions of this package, Python and the numerical libraries, for a product's attributes."""
    found = {"python": platform.python_version()}
    for name in (PACKAGE, "torch", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree
            found[name] = "unknown"
    return found


def machine() -> str:
    """Processors and GPU, as the system names them."""
    import torch

    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.is_file() else []
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{os.cpu_count()} × {names[0] if names else platform.processor()}, {gpu}"


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # what `getrusage` says begins with what this process was forked from
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def memory_since(before: int) -> int:
    """Bytes beyond a former `peak_memory`: not below 0, since pages are counted in batches."""
    return max(peak_memory() - before, 0)
