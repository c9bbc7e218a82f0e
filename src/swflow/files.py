"""Products appear whole or not at all: written beside their place, then renamed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swflow.errors import InputError


def partial_path(path: Path) -> Path:
    """Where a product is written before it is whole."""
    return path.with_name(path.name + ".partial")


@contextmanager
def atomic_path(path: Path, kept_with: Path | None = None) -> Iterator[Path]:
    """Yield `<path>.partial` to write a file or folder to; rename it to `path` on success.

    On an exception the partial product is removed and `path` is untouched. What an interrupted
    writer left is removed first. Both only unless the file `kept_with`, a checkpoint, is there.
    Raises InputError where the place cannot be written to.
    """
    partial = partial_path(path)

    def discard() -> None:
        if kept_with is None or not kept_with.is_file():
            remove(partial)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        discard()
    except OSError as error:
        raise InputError(
            f"{path}: the folder {path.parent} cannot be written ({error.strerror}): "
            "choose another place or change its permissions."
        ) from error
    try:
        yield partial
        if path.is_dir():
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


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
