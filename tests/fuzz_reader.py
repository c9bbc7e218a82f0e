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


def fuzz(name: str, scratch: Path, kept: Path, flags: list[str]) -> None:
    """Never returns: the process ends with libFuzzer's exit code. scratch: an empty folder.

    kept: where an input that crashes is written. libFuzzer's own copy, of those that take too long
    or too much memory, is lost where an alarm for the time of an input comes while Python ends.
    """
    read, product, inner = READERS[name]
    write_good_files(scratch)
    target, corpus = scratch / product / inner, scratch / "corpus"
    corpus.mkdir()
    shutil.copy(target, corpus / "good")

    def one(content: bytes) -> None:
        target.write_bytes(content)
        try:
            with suppress(InputError):
                read(scratch / product)
        except BaseException:
            (kept / f"{name}.input").write_bytes(content)
            raise

    flags = [*flags, f"-artifact_prefix={kept}/"]
    atheris.Setup([name, *flags, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
