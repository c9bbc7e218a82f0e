"""Products appear whole or not at all: written beside their place, then renamed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swflow.errors import InputError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield `<path>.partial` to write a file or folder to; rename it to `path` on success.

    What an interrupted writer left there is removed first. On an exception the partial product is
    removed and `path` is untouched. Raises InputError where the place cannot be written to.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(partial)
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
        remove(partial)
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}): nothing was kept."
        ) from error
    except BaseException:
        remove(partial)
        raise


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
