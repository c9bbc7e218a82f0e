"""What is there to run studies with, and how to get what is missing."""

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from swflow.runtime.errors import InputError
from swflow.runtime.memory import memory_bytes
from swflow.runtime.provenance import versions

GIB = 2**30
# What only some studies use: module's distribution or program, what for, how to get it.
OPTIONAL_PACKAGES = {
    "torchcfm": ("models of kind flow_matching", "pip install torchcfm"),
    "onnxscript": ("swflow export and explorer", "pip install -e '.[export]'"),
    "onnxruntime": ("decoders of your own", "pip install onnxruntime"),
    "torch-fidelity": ("swflow inception", "pip install torch-fidelity"),
    "snakemake-executor-plugin-slurm": (
        "SLURM",
        "pip install snakemake-executor-plugin-slurm",
    ),
}
PROGRAMS = {
    "ffmpeg": ("films as .mp4; .gif needs nothing", "your system's package ffmpeg"),
    "sbatch": ("SLURM", "run on a login node of the cluster"),
}


class Finding(NamedTuple):
    """One line: what was looked for, what was found, and a remedy where it is missing."""

    what: str
    found: str
    remedy: str = ""


def findings(folder: Path) -> Iterator[Finding]:
    """Versions, threads, GPUs, memory, the disk of a folder, optional packages and programs.

    Raises InputError where there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one in which studies are run.")
    import torch

    for name, number in versions().items():
        yield Finding(name, number)
    yield Finding("cores", f"{os.cpu_count()}, torch takes {torch.get_num_threads()}")
    names = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
    yield Finding("GPU", ", ".join(names) or "none", "" if names else "gpus: 0 and --device cpu")
    yield Finding("memory", f"{memory_bytes() / GIB:.0f} GiB")
    yield Finding(f"free disk in {folder}", f"{shutil.disk_usage(folder).free / GIB:.0f} GiB")
    yield _raw_data()
    for name, (use, remedy) in OPTIONAL_PACKAGES.items():
        try:
            yield Finding(f"{name} ({use})", version(name))
        except PackageNotFoundError:
            yield Finding(f"{name} ({use})", "missing", remedy)
    for name, (use, remedy) in PROGRAMS.items():
        path = shutil.which(name)
        yield Finding(f"{name} ({use})", path or "missing", "" if path else remedy)


def _raw_data() -> Finding:
    """The folder in which published files are looked for first."""
    said = os.environ.get("SWFLOW_DATA")
    if not said:
        return Finding("SWFLOW_DATA", "not set", "published files are downloaded when first used")
    if not Path(said).is_dir():
        return Finding("SWFLOW_DATA", f"{said}, which is no folder", "name a folder of raw files")
    return Finding("SWFLOW_DATA", said)
