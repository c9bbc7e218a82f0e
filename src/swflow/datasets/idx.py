"""The IDX family: MNIST, Fashion-MNIST and KMNIST, images of 28 × 28 pixels in ten classes."""

import struct
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from swflow.datasets.make import RawRows
from swflow.datasets.raw_files import RawFile, find, read
from swflow.runtime.errors import InputError
from swflow.settings import FashionMnistSettings, KmnistSettings, MnistSettings

UNSIGNED_BYTES = 8  # the code of an element's type
LARGEST = 2**28  # bytes of a file, decompressed
NAMES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
# MD5 of each file as published; SHA-256 of the decompressed bytes, where known.
MNIST = {
    "train-images-idx3-ubyte.gz": (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte.gz": (
        "d53e105ee54ea40749a09fcbcd1e9432",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte.gz": (
        "9fb629c4189551a2d022fa330f9573f3",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "ec29112dd5afa0611ce80d1b7f02629c",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
FASHION = {
    "train-images-idx3-ubyte.gz": (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train-labels-idx1-ubyte.gz": (
        "25c81989df183df01b3e8a0aad5dffbe",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "t10k-images-idx3-ubyte.gz": (
        "bef4ecab320f06d8554ea6380940ec79",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "bb300cfdad3c16e7a12a480ee83cd310",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}
KMNIST = {
    "train-images-idx3-ubyte.gz": ("bdb82020997e1d708af4cf47b453dcf7", None),
    "train-labels-idx1-ubyte.gz": ("e144d726b3acfaa3e44228e80efcd344", None),
    "t10k-images-idx3-ubyte.gz": ("5c965bf0a639b31b8f53240b1b52f4d7", None),
    "t10k-labels-idx1-ubyte.gz": ("7320c461ea6c1c855c0b718fb2a4b134", None),
}
Checksums = Mapping[str, tuple[str, str | None]]


def mnist(settings: MnistSettings, rng: np.random.Generator) -> RawRows:
    """Handwritten digits. Raises InputError where a file is missing or damaged."""
    about = {
        "source": "http://yann.lecun.com/exdb/mnist/",
        "licence": "for research (LeCun, Cortes, Burges)",
    }
    mirror = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    return _published("mnist", mirror, MNIST, settings.data_root, about)


def fashion_mnist(settings: FashionMnistSettings, rng: np.random.Generator) -> RawRows:
    """Clothes. Raises InputError where a file is missing or damaged."""
    about = {
        "source": "https://github.com/zalandoresearch/fashion-mnist",
        "licence": "MIT (Zalando SE, 2017)",
    }
    if settings.embedded:
        with as_file(files("swflow.datasets") / "embedded") as folder:
            x, y, digest = _read_part("fashion-mnist", "", FASHION, folder, "test")
        return RawRows(x, y, about | {"sha256": digest})
    mirror = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
    return _published("fashion-mnist", mirror, FASHION, settings.data_root, about)


def kmnist(settings: KmnistSettings, rng: np.random.Generator) -> RawRows:
    """Cursive Japanese characters. Raises InputError where a file is missing or damaged."""
    about = {"source": "https://github.com/rois-codh/kmnist", "licence": "CC BY-SA 4.0"}
    mirror = "https://codh.rois.ac.jp/kmnist/dataset/kmnist/"
    return _published("kmnist", mirror, KMNIST, settings.data_root, about)


def _published(
    name: str, mirror: str, checksums: Checksums, root: Path | None, about: Mapping[str, Any]
) -> RawRows:
    x, y, digest = _read_part(name, mirror, checksums, root, "train")
    test_x, test_y, _ = _read_part(name, mirror, checksums, root, "test")
    return RawRows(x, y, {**about, "sha256": digest}, test=RawRows(test_x, test_y))


def _read_part(
    name: str, mirror: str, checksums: Checksums, root: Path | None, part: str
) -> tuple[np.ndarray, np.ndarray, str]:
    """Images, labels, and the SHA-256 of the images' file, decompressed."""
    arrays, digests = [], []
    for file in NAMES[part]:
        md5, sha256 = checksums[file]
        raw = RawFile(f"{name}/{file}", mirror + file, md5, sha256)
        path = find(raw, root)
        content, digest = read(path, raw, LARGEST)
        arrays.append(parse_idx(content, str(path)))
        digests.append(digest)
    x, y = arrays
    if x.ndim != 3 or y.shape != (len(x),):
        raise InputError(f"{name}: images of shape {x.shape} with labels of shape {y.shape}.")
    return x, y.astype(np.int64), digests[0]


def parse_idx(content: bytes, where: str) -> np.ndarray:
    """The array of unsigned bytes in an IDX file. Raises InputError where it holds none."""
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTES]):
        raise InputError(f"{where}: no IDX file of unsigned bytes.")
    n_axes = content[3]
    begin = 4 + 4 * n_axes
    if len(content) < begin:
        raise InputError(f"{where}: an IDX file that ends inside its header.")
    shape = struct.unpack(f">{n_axes}I", content[4:begin])
    size = int(np.prod(shape, dtype=object))
    if len(content) - begin != size:
        raise InputError(
            f"{where}: its header says {size} bytes {shape}, {len(content) - begin} follow: it is "
            "damaged; get it anew."
        )
    if not size:
        raise InputError(f"{where}: an IDX file of nothing, {shape}: get it anew.")
    return np.frombuffer(content, np.uint8, offset=begin).reshape(shape)
