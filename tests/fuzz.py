"""A coverage-guided fuzzer of every reader, into a table: `make fuzz`.

libFuzzer, through atheris, changes bytes of good files so that they reach other lines of the
package's code and of the libraries' Python code. A reader may read what it is given or end in an
InputError; all else is a crash, as are more than 10 s and more than 1 GiB. Inputs that crash are
kept, each with a log. Exits with 1 where there is one.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd

from tests.pages import write_page
from tests.strangers import READERS

# Inputs of each: of formats that take milliseconds to read fewer.
MANY, SOME = 1_000_000, 100_000
RUNS = dict.fromkeys(READERS, SOME) | dict.fromkeys(
    ("NumPy", "IDX", "JSON", "settings of a model", "safetensors"), MANY
)
LIMITS = ("-timeout=10", "-rss_limit_mb=1024")
# In memory where the system has such a folder.
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None
COLUMNS = ["reader", "inputs", "seconds", "kept for what they reach", "peak MiB", "crashes"]


def fuzzed(name: str, runs: int, seed: int, kept: Path) -> list[object]:
    """One reader in a process of its own: a line of the table."""
    flags = [*LIMITS, f"-runs={runs}", f"-seed={seed}"]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=SCRATCH, prefix="swflow-fuzz-") as scratch:
        command = [sys.executable, "-m", "tests.fuzz_reader", name, scratch, str(kept), *flags]
        done = subprocess.run(
            [*command, "-print_final_stats=1"], capture_output=True, text=True, check=False
        )
    if done.returncode:
        (kept / f"{name}.log").write_text(done.stdout + done.stderr)
    # A line for each input that was kept; one that crashes may end it without its statistics.
    steps = re.findall(r"^#(\d+)\s.*corp: (\d+)/.*rss: (\d+)Mb", done.stderr, flags=re.MULTILINE)
    if not steps:
        raise SystemExit(f"{name}: nothing was fuzzed; see {kept / name}.log.")
    executed, corpus, memory = steps[-1]
    said = dict(re.findall(r"stat::(\w+):\s+(\d+)", done.stderr))
    return [
        name,
        f"{int(said.get('number_of_executed_units', executed)):,}",
        f"{time.monotonic() - begun:.0f}",
        corpus,
        said.get("peak_rss_mb", memory),
        int(done.returncode != 0),
    ]


def main() -> None:
    """All readers, some at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=READERS, nargs="*", default=list(READERS))
    parser.add_argument("--runs", type=int, help="inputs of each (default: 10^6 or 10^5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="readers at a time, each on a core")
    parser.add_argument("--kept", type=Path, default=Path("fuzz"), help="folder of what crashed")
    parser.add_argument("--out", type=Path, help="Markdown table")
    given = parser.parse_args()
    given.kept.mkdir(parents=True, exist_ok=True)
    runs = [given.runs or RUNS[name] for name in given.only]
    lines = []
    with ThreadPoolExecutor(given.jobs) as jobs:
        fuzz = partial(fuzzed, seed=given.seed, kept=given.kept)
        for line in jobs.map(fuzz, given.only, runs):
            lines.append(line)
            print(*line, sep="\t", flush=True)
    if given.out:
        table = pd.DataFrame(lines, columns=COLUMNS)
        write_page(given.out, "Fuzzing of what reads files", "make fuzz", table)
    raise SystemExit(any(line[-1] for line in lines))


if __name__ == "__main__":
    main()
