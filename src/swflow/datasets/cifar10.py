"""CIFAR-10 from its binary version: no pickles."""

import io
import tarfile

import numpy as np

from swflow.datasets.make import RawRows
from swflow.datasets.raw_files import RawFile, find, read
from swflow.runtime.errors import InputError
from swflow.settings import Cifar10Settings

RAW = RawFile(
    "cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c32a1d4ab5d03f1284b67883e8d87530",
)
ABOUT = {
    "source": "https://www.cs.toronto.edu/~kriz/cifar.html",
    "licence": "for research (Krizhevsky 2009)",
}
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32  # a class, then red, green and blue
LARGEST = 2**28
FOLDER = "cifar-10-batches-bin"


def cifar10(settings: Cifar10Settings, rng: np.random.Generator) -> RawRows:
    """Colour images `(n, 3, 32, 32)`. Raises InputError where the file is missing or damaged."""
    path = find(RAW, settings.data_root)
    content, sha256 = read(path, RAW, LARGEST)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        x, y = _records(archive, [f"data_batch_{k}.bin" for k in range(1, 6)])
        test_x, test_y = _records(archive, ["test_batch.bin"])
    return RawRows(x, y, ABOUT | {"sha256": sha256}, test=RawRows(test_x, test_y))


def _records(archive: tarfile.TarFile, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    parts = []
    for name in names:
        try:
            file = archive.extractfile(f"{FOLDER}/{name}")
            assert file is not None
            parts.append(np.frombuffer(file.read(), np.uint8).reshape(-1, RECORD))
        except (KeyError, AssertionError, ValueError) as error:
            raise InputError(f"{RAW.path}: no whole {FOLDER}/{name} in it ({error}).") from error
    records = np.concatenate(parts)
    return records[:, 1:].reshape(-1, *SHAPE), records[:, 0].astype(np.int64)
