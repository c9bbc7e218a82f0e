"""A user's own images: a folder, or an archive that is read without being unpacked."""

import io
import json
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from swflow.datasets.make import RawRows
from swflow.runtime.errors import InputError
from swflow.runtime.progress import progress
from swflow.settings import ImagesSettings

ENDINGS = {
    *(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"),
}
GREY, COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB")
GIB = 2**30
# What people call the splits beside `train`.
SPLITS = {"test", "val", "valid", "validation", "dev"}


class Entry(NamedTuple):
    """A file of a folder or archive: its name in it, its bytes (a folder's are None)."""

    name: PurePosixPath
    content: bytes | None


@dataclass(frozen=True)
class Picture:
    """An image: uint8 `(height, width)` or `(3, height, width)`, and where it lay."""

    name: PurePosixPath
    x: np.ndarray


class Found(NamedTuple):
    """Images in the order of their names, and all folders, empty ones too."""

    pictures: list[Picture]
    folders: set[PurePosixPath]


class Member(NamedTuple):
    """A member of an archive: its bytes once unpacked, and what unpacks it (a folder: None)."""

    name: str
    size: int
    read: Callable[[], bytes] | None


def images(settings: ImagesSettings, rng: np.random.Generator) -> RawRows:
    """Every image, in the order of names, with the names of its classes as an attribute.

    Raises InputError where an image cannot be used, sizes or modes are mixed, a class is empty, or
    an archive reaches outside its folder or unpacks to more than `max_gib`.
    """
    found = _unwrapped(_read(settings))
    _check_shapes(found.pictures, settings.path)
    official = _are_splits(found, settings)
    train = _within(found, "train") if official else found
    names = _class_names(settings, train)
    about = {"source": str(settings.path), "licence": "the owner's"}
    if names:
        about["classes"] = json.dumps(names)
    x, y = _rows(train, names, settings.path)
    test = RawRows(*_rows(_within(found, "test"), names, settings.path)) if official else None
    return RawRows(x, y, about, test=test)


def _are_splits(found: Found, settings: ImagesSettings) -> bool:
    """Whether the folders at the top are `train` and `test`; raises InputError for other splits."""
    tops = {_top(picture) for picture in found.pictures if picture.name.parts[1:]}
    called = {top.lower() for top in tops}
    official = tops == {"train", "test"}
    if not official and "train" in called and called & SPLITS and settings.labels is not False:
        raise InputError(
            f"{settings.path}: holds {', '.join(sorted(tops))}; splits are two folders, train and "
            "test: rename or move the others, or set labels: false to take all as one."
        )
    return official


def _read(settings: ImagesSettings) -> Found:
    path = settings.path
    if not path.exists():
        raise InputError(f"path = {path}: no such folder or archive; correct the dataset's path.")
    entries = _of_folder(path) if path.is_dir() else _of_archive(path, settings.max_gib * GIB)
    pictures: list[Picture] = []
    folders: set[PurePosixPath] = set()
    damaged: list[str] = []
    with progress("images") as bar:
        for name, content in entries:
            if content is None:
                folders.update({name} if name.parts else ())  # "./" is the archive itself
                continue
            folders.update(parent for parent in name.parents if parent.name)
            try:
                pictures.append(Picture(name, _decoded(content, settings)))
            except InputError as error:
                damaged.append(f"{path}, {name}: {error}")
            except Exception as error:  # readers of strangers' bytes raise unrelated types
                damaged.append(f"{path}, {name}: no readable image ({error})")
            if damaged and not settings.skip_damaged:
                raise InputError(f"{damaged[0]}. Repair or remove it, or set skip_damaged: true.")
            bar.update()
    if not pictures:
        raise InputError(f"{path}: holds no image ({', '.join(sorted(ENDINGS))}).")
    return Found(sorted(pictures, key=lambda picture: picture.name), folders)


def _of_folder(folder: Path) -> Iterator[Entry]:
    for path in sorted(folder.rglob("*")):
        name = PurePosixPath(path.relative_to(folder).as_posix())
        if path.is_dir():
            yield Entry(name, None)
        elif path.suffix.lower() in ENDINGS:
            # What a link that leads nowhere, or a pipe, holds is no image.
            yield Entry(name, path.read_bytes() if path.is_file() else b"")


def _of_archive(path: Path, limit: int) -> Iterator[Entry]:
    """The files of an archive, none of which may lie outside it, nor all be larger than `limit`."""
    left = limit
    try:
        members = _of_zip(path) if zipfile.is_zipfile(path) else _of_tar(path)
        for name, size, read in members:
            inside = PurePosixPath(name)
            if inside.is_absolute() or ".." in inside.parts:
                raise InputError(f"{path}: holds {name!r}, which lies outside; do not use it.")
            left -= size
            if left < 0:
                raise InputError(
                    f"{path}: unpacks to more than {limit / GIB:g} GiB; raise max_gib if it should."
                )
            if read is None:
                yield Entry(inside, None)
            elif inside.suffix.lower() in ENDINGS:
                yield Entry(inside, read())
    except InputError:
        raise
    except Exception as error:  # readers of strangers' bytes raise unrelated types
        raise InputError(f"{path}: no readable archive ({error}); get it anew.") from error


def _of_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            folder = info.is_dir()
            yield Member(info.filename, info.file_size, None if folder else _reader(archive, info))


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    return lambda: archive.read(info)  # as many bytes as it says, or BadZipFile


def _of_tar(path: Path) -> Iterator[Member]:
    """Members as they come: compressed archives can be read in one direction only."""
    with tarfile.open(path) as archive:
        for info in archive:
            if info.isdir():
                yield Member(info.name, 0, None)
            elif info.isfile():
                file = archive.extractfile(info)
                assert file is not None
                yield Member(info.name, info.size, file.read)
            elif PurePosixPath(info.name).suffix.lower() in ENDINGS:
                raise InputError(
                    f"{path}: {info.name!r} is a link or device, not a file; unpack it."
                )


def _decoded(content: bytes, settings: ImagesSettings) -> np.ndarray:
    """An image as asked for: uint8, `(height, width)` or `(3, height, width)`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content)) as opened:
            if opened.mode not in (*GREY, *COLOUR):
                raise InputError(f"an image of mode {opened.mode}; convert it to 8 bits a channel")
            colour = settings.colour if settings.colour is not None else opened.mode in COLOUR
            image = ImageOps.exif_transpose(opened).convert("RGB" if colour else "L")
    if settings.size is not None:
        height, width = (settings.size,) * 2 if isinstance(settings.size, int) else settings.size
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    array = np.asarray(image)
    return np.moveaxis(array, -1, 0) if colour else array


def _check_shapes(pictures: list[Picture], path: Path) -> None:
    first = pictures[0]
    for other in pictures:
        if other.x.ndim != first.x.ndim:
            raise InputError(
                f"{path}: {first.name} is {_mode(first)}, {other.name} {_mode(other)}; set colour: "
                "true or false."
            )
        if other.x.shape != first.x.shape:
            raise InputError(
                f"{path}: {first.name} has {_size(first)} pixels, {other.name} {_size(other)}; set "
                "size: [height, width] to resize and cut them."
            )


def _mode(picture: Picture) -> str:
    return "grey" if picture.x.ndim == 2 else "in colour"


def _size(picture: Picture) -> str:
    height, width = picture.x.shape[-2:]
    return f"{height} x {width}"


def _within(found: Found, folder: str) -> Found:
    """What lies in one of the folders at the top."""
    return Found(
        [Picture(p.name.relative_to(folder), p.x) for p in found.pictures if _top(p) == folder],
        {f.relative_to(folder) for f in found.folders if f.parts[0] == folder and f.parts[1:]},
    )


def _top(picture: Picture) -> str:
    return picture.name.parts[0]


def _unwrapped(found: Found) -> Found:
    """Without folders that hold all the rest, such as the one that an archive is packed in."""
    while len({_top(p) for p in found.pictures}) == 1 and all(
        p.name.parts[1:] for p in found.pictures
    ):
        found = _within(found, _top(found.pictures[0]))
    return found


def _class_names(settings: ImagesSettings, found: Found) -> list[str]:
    """The folders at the top that images lie in; none where they are not classes."""
    path = settings.path
    loose = [p.name for p in found.pictures if not p.name.parts[1:]]
    known = {_top(p) for p in found.pictures if p.name.parts[1:]}
    if settings.labels is False or (settings.labels is None and not known):
        return []
    if loose:
        raise InputError(
            f"{path}: {loose[0]} lies in no sub-folder, others do; move it into its class, or set "
            "labels: false."
        )
    if empty := sorted({folder.parts[0] for folder in found.folders} - known):
        raise InputError(
            f"{path}: class {empty[0]!r} has no image; add some, remove the folder, or set labels: "
            "false."
        )
    return sorted(known)


def _rows(found: Found, names: list[str], path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    x = np.stack([picture.x for picture in found.pictures])
    if not names:
        return x, None
    number = {name: k for k, name in enumerate(names)}
    if unknown := next((p for p in found.pictures if _top(p) not in number), None):
        raise InputError(f"{path}: test has a class {_top(unknown)!r}, train has none; add it.")
    return x, np.array([number[_top(picture)] for picture in found.pictures])
