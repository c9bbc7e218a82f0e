"""What all benchmarks share: what they are asked, where they ran, and a Markdown page."""

import argparse
import os
import sys
from pathlib import Path

import torch

from swflow.runtime.provenance import machine, versions


def parser(said: str | None, **counts: int) -> argparse.ArgumentParser:
    """Of a benchmark's options: numbers with their defaults, and where its page goes."""
    found = argparse.ArgumentParser(description=said)
    for name, default in counts.items():
        found.add_argument(f"--{name}", type=int, default=default)
    found.add_argument("--out", type=Path)
    return found


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
