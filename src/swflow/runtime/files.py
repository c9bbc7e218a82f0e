"""Products appear whole or not at all: written beside their place, then renamed."""

import hashlib
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from swflow.runtime.errors import InputError

# By which a folder is known for a product of ours: stores, models, pages.
MARKS = (
    ("zarr.json", "particles"),
    ("settings.json", "weights.safetensors"),
    ("model.json", "model.onnx"),
)


def check_named(path: Path) -> None:
    """Raise InputError for a folder such as `.`, where nothing can be put in its place."""
    if not path.name:
        raise InputError(f"{path}: is a folder; name what is to be written in it.")


def partial_path(path: Path) -> Path:
    """Where a product is written before it is whole."""
    return path.with_name(path.name + ".partial")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Be the only process that writes a product, by `<path>.lock`.

    The system frees the lock of a process that ends, however it does. Raises InputError where
    another process holds it, or the place cannot be written to.
    """
    note = path.with_name(path.name + ".lock")
    lock = FileLock(note)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
        note.write_text(f"process {os.getpid()} on {socket.gethostname()}")
    except Timeout:
        holder = note.read_text() if note.is_file() else ""
        raise InputError(
            f"{path}: {holder or 'another process'} is writing this: wait until it is done, or "
            "stop it."
        ) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        note.unlink(missing_ok=True)  # still locked: who waits for it finds that it is gone
        lock.release()


@contextmanager
def atomic_path(path: Path, kept_with: Path | None = None) -> Iterator[Path]:
    """Yield `<path>.partial` to write a file or folder to; rename it to `path` on success.

    On an exception the partial product is removed and `path` is untouched. What an interrupted
    writer left is removed first. Both only unless the file `kept_with`, a checkpoint, is there:
    then the caller holds the lock, from before it read that file.
    Raises InputError where the place cannot be written to, another process is writing there, or
    there is a folder that is no product: what lies in it is not lost.
    """
    check_named(path)
    if path.is_dir() and any(path.iterdir()) and not is_product(path):
        raise InputError(f"{path}: is a folder with other things in it; choose another place.")
    if kept_with is None:
        with exclusive(path), _replaced(path, None) as partial:
            yield partial
    else:
        with _replaced(path, kept_with) as partial:
            yield partial


@contextmanager
def _replaced(path: Path, kept_with: Path | None) -> Iterator[Path]:
    partial = partial_path(path)

    def discard() -> None:
        if kept_with is None or not kept_with.is_file():
            remove(partial)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        discard()
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield partial
        if path.is_dir():
            if partial.is_file() and is_product(path):
                raise IsADirectoryError(0, "a folder is there")
            remove(path)
        partial.replace(path)
    except OSError as error:
        discard()
        kept = "nothing was kept" if not partial.exists() else "rerun to go on from the checkpoint"
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}): {kept}."
        ) from error
    except BaseException:
        discard()
        raise


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path}: the folder {path.parent} cannot be written ({error.strerror}): "
        "choose another place or change its permissions."
    )


def is_product(folder: Path) -> bool:
    """Whether a folder is one that stages write."""
    return any(all((folder / name).exists() for name in names) for names in MARKS)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def bytes_below(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    return sum(of.st_size for _, of in _stats_below(folder))


def state_below(folder: Path) -> str:
    """What changes when a file below a folder is added, removed or written to."""
    listed = sorted((name, of.st_size, of.st_mtime_ns) for name, of in _stats_below(folder))
    return hashlib.sha256(repr(listed).encode()).hexdigest()[:16]


def _stats_below(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below a folder, as long as it is there: others may write and remove meanwhile."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            with suppress(FileNotFoundError):
                yield str(path.relative_to(folder)), path.stat()
