"""What all benchmarks share: where they ran, and a Markdown page."""

import os
import platform
import re
import sys
from pathlib import Path

import torch

from swflow.provenance import versions


def machine() -> str:
    """Processors, GPU, threads and versions, as a sentence."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.is_file() else []
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    names_set = ("OMP_WAIT_POLICY", "NPY_DISABLE_CPU_FEATURES")
    chosen = [f"{name}={os.environ[name]!r}" for name in names_set if name in os.environ]
    return (
        f"{os.cpu_count()} × {names[0] if names else platform.processor()}, {gpu}, "
        f"{torch.get_num_threads()} threads; {found}"
        + "".join(f"; {choice}" for choice in chosen)
        + "."
    )


def write(out: Path | None, *parts: str) -> None:
    """Print a page, or write it with the command that made it."""
    command = " ".join(["python", *sys.argv])
    page = "\n\n".join([*parts, f"Command: `{command}`"]) + "\n"
    if out is None:
        print(page)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page)
