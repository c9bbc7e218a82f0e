"""What all benchmarks share: what they are asked, where they ran, and a Markdown page."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from swflow.runtime.provenance import machine, versions


def parser(said: str | None, **counts: int) -> argparse.ArgumentParser:
    """Of a benchmark's options: numbers with their defaults, and where its page goes."""
    found = argparse.ArgumentParser(description=said)
    for name, default in counts.items():
        found.add_argument(f"--{name}", type=int, default=default)
    found.add_argument("--out", type=Path)
    return found


def median_seconds(action: Callable[[], object], rounds: int, device: str = "cpu") -> float:
    """Of rounds after a warm-up, the device's queue emptied before and after each."""
    found = []
    for _ in range(rounds + 1):
        synchronize(device)
        began = time.perf_counter()
        action()
        synchronize(device)
        found.append(time.perf_counter() - began)
    return float(np.median(found[1:]))


def synchronize(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def conditions() -> str:
    """Processors, GPU, threads and versions, as a sentence."""
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    names_set = ("OMP_WAIT_POLICY", "NPY_DISABLE_CPU_FEATURES")
    chosen = [f"; {name}={os.environ[name]!r}" for name in names_set if name in os.environ]
    return f"{machine()}, {torch.get_num_threads()} threads; {found}{''.join(chosen)}."


def write(out: Path | None, *parts: str) -> None:
    """Print a page, or write it with the command that made it."""
    command = " ".join(["python", *sys.argv])
    page = "\n\n".join([*parts, f"Command: `{command}`"]) + "\n"
    if out is None:
        print(page)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page)
