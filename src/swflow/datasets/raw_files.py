"""Raw files of published sets: found in a folder or downloaded, and verified either way."""

import gzip
import hashlib
import os
import zlib
from pathlib import Path
from typing import NamedTuple

from swflow.runtime.errors import InputError

DATA_ROOT = "SWFLOW_DATA"
RETRIES, TIMEOUT_SECONDS = 3, 30


class RawFile(NamedTuple):
    """A published file.

    path: below the folder of data; url: where it is published; md5: of the file as published;
    sha256: of its decompressed bytes, where known, so that a recompressed copy is as good.
    """

    path: str
    url: str
    md5: str
    sha256: str | None = None


def find(raw: RawFile, data_root: Path | None) -> Path:
    """The file in `data_root` (default: the folder that SWFLOW_DATA names), or downloaded.

    Raises InputError where it is nowhere and cannot be downloaded.
    """
    root = data_root or (Path(os.environ[DATA_ROOT]) if os.environ.get(DATA_ROOT) else None)
    if root is not None:
        if not root.is_dir():
            raise InputError(f"data folder {root}: no such folder; correct data_root.")
        for path in (root / raw.path, root / raw.path.removesuffix(".gz")):
            if path.is_file():
                return path
    return _download(raw)


def _download(raw: RawFile) -> Path:
    import pooch

    folder = Path(pooch.os_cache("swflow")) / Path(raw.path).parent
    name = Path(raw.path).name
    try:
        # It writes beside the file and renames: an interrupted download leaves nothing.
        found = pooch.create(
            folder,
            "",
            registry={name: f"md5:{raw.md5}"},
            urls={name: raw.url},
            retry_if_failed=RETRIES,
        ).fetch(name, downloader=pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT_SECONDS))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{raw.url}: cannot be downloaded ({reason}). Without a network put the file at "
            f"{raw.path} in a folder, and name that folder by data_root or {DATA_ROOT}."
        ) from error
    return Path(found)


def read(path: Path, raw: RawFile, limit: int) -> tuple[bytes, str]:
    """The decompressed bytes of a file, at most `limit`, verified, and their SHA-256.

    Raises InputError where they are damaged, too many, or not those that were published.
    """
    packed = path.read_bytes()
    try:
        content = packed if packed[:2] != b"\x1f\x8b" else _unpacked(path, limit)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged ({error}); get the file anew from {raw.url}.") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if raw.sha256 is None:
        right = hashlib.md5(packed, usedforsecurity=False).hexdigest() == raw.md5
    else:
        right = sha256 == raw.sha256
    if not right:
        raise InputError(
            f"{path}: a wrong checksum, this is not the published file; remove it, or get it from "
            f"{raw.url}."
        )
    return content, sha256


def _unpacked(path: Path, limit: int) -> bytes:
    with gzip.open(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(f"unpacks to more than {limit} bytes")
    return content
