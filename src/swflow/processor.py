"""What this processor does badly, avoided before NumPy is imported."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

ZEN_4_FAMILY = 25  # of the processors with AVX-512 in this family all are Zen 4
SLOW_THERE = "X86_V4 AVX512_ICL AVX512_SPR"


def avoid_slow_sorts(info: Path = Path("/proc/cpuinfo")) -> None:
    """On AMD's Zen 4 let NumPy (2.4 or later) do without AVX-512: sorts are 3 to 6 times faster.

    Its sorting networks use an instruction that is slow there (compress to memory). Results are
    the same. NPY_DISABLE_CPU_FEATURES, where it is set already, is left as it is.
    """
    if platform.machine() != "x86_64" or not info.is_file():
        return
    if tuple(int(part) for part in version("numpy").split(".")[:2]) < (2, 4):
        return  # features had other names
    first = info.read_text().split("\n\n")[0]
    fields = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    values = {key.strip(): value.strip() for key, value in fields.items()}
    amd = values.get("vendor_id") == "AuthenticAMD"
    zen_4 = values.get("cpu family") == str(ZEN_4_FAMILY) and "avx512f" in values.get("flags", "")
    if amd and zen_4:
        os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", SLOW_THERE)
