"""Fuzzes one reader in this process, which libFuzzer ends: see fuzz.py."""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

import atheris

INSTRUMENTED = ["swflow", "numpy.lib", "zarr", "h5py", "PIL", "tarfile", "zipfile"]
with atheris.instrument_imports(include=INSTRUMENTED):
    from swflow.runtime.errors import InputError
    from tests.strangers import READERS, write_good_files


def fuzz(name: str, scratch: Path, flags: list[str]) -> None:
    """Never returns: the process ends with libFuzzer's exit code. scratch: an empty folder."""
    read, product, inner = READERS[name]
    write_good_files(scratch)
    target, corpus = scratch / product / inner, scratch / "corpus"
    corpus.mkdir()
    shutil.copy(target, corpus / "good")

    def one(content: bytes) -> None:
        target.write_bytes(content)
        with suppress(InputError):
            read(scratch / product)

    atheris.Setup([name, *flags, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
