"""Published sets of images: what is embedded, found, downloaded, verified, refused."""

import functools
import gzip
import hashlib
import http.server
import os
import shutil
import struct
import tarfile
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from swflow.datasets import cifar10
from swflow.datasets.idx import parse_idx
from swflow.datasets.make import make_dataset
from swflow.datasets.raw_files import RawFile, find, read
from swflow.runtime.errors import InputError
from swflow.settings import (
    Cifar10Settings,
    FashionMnistSettings,
    KmnistSettings,
    MnistSettings,
)
from swflow.stages.prepare import prepare
from swflow.store.dataset import read_dataset

DATA = os.environ.get("SWFLOW_DATA")
with_data = pytest.mark.skipif(not DATA, reason="SWFLOW_DATA names no folder of raw files")


def test_embedded_clothes_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWFLOW_DATA", raising=False)
    path = tmp_path / "clothes.h5"
    prepare(FashionMnistSettings(embedded=True), "clothes", path)
    dataset = read_dataset(path)
    assert [dataset.size(s) for s in ("train", "heldout", "test")] == [7000, 1500, 1500]
    assert dataset.units.event_shape == (28, 28)
    assert dataset.units.value_range == (0, 255)
    every = np.concatenate([dataset.splits[s].y for s in ("train", "heldout", "test")])  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.bincount(every), np.full(10, 1000))
    assert "MIT" in dataset.attributes["licence"]
    # A pixel is what the file says: of the first trouser, say, the brightest is nearly white.
    pixels = dataset.units.decode(dataset.rows("train")[dataset.splits["train"].y == 1])
    assert 200 < pixels.max() <= 255.01


@with_data
@pytest.mark.parametrize(
    "settings", [MnistSettings(), FashionMnistSettings()], ids=lambda s: s.kind
)
def test_official_test_split_stays_apart(settings: MnistSettings) -> None:
    splits = make_dataset(settings)
    assert {name: len(rows.x) for name, rows in splits.items()} == {
        "train": 42000,
        "heldout": 18000,
        "test": 10000,
    }
    assert all(set(rows.y) == set(range(10)) for rows in splits.values())  # type: ignore[arg-type]
    assert splits["train"].attributes["official_test"]


@with_data
def test_debian_folder_is_a_data_root(tmp_path: Path) -> None:
    """The package dataset-fashion-mnist installs the four files in a folder of this name."""
    assert DATA
    shutil.copytree(Path(DATA) / "fashion-mnist", tmp_path / "fashion-mnist")
    few = FashionMnistSettings(data_root=tmp_path, n_train=500)
    assert make_dataset(few)["train"].x[:].shape == (500, 28, 28)


@with_data
def test_damaged_file_is_named(tmp_path: Path) -> None:
    assert DATA
    folder = tmp_path / "mnist"
    shutil.copytree(Path(DATA) / "mnist", folder)
    labels = folder / "train-labels-idx1-ubyte.gz"
    whole = labels.read_bytes()
    labels.write_bytes(whole[:-100])
    with pytest.raises(InputError, match=r"train-labels.*damaged"):
        make_dataset(MnistSettings(data_root=tmp_path))
    content = bytearray(gzip.decompress(whole))
    content[-1] ^= 1
    labels.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(InputError, match=r"train-labels.*wrong checksum"):
        make_dataset(MnistSettings(data_root=tmp_path))
    labels.unlink()  # a file that was decompressed does as well
    labels.with_suffix("").write_bytes(gzip.decompress(whole))
    assert len(make_dataset(MnistSettings(data_root=tmp_path))["test"].x) == 10000


def test_absent_data_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; correct data_root"):
        make_dataset(KmnistSettings(data_root=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no IDX file"),
        (b"\0\0\x0d\3" + bytes(12), "no IDX file of unsigned bytes"),
        (b"\0\0\x08\3" + bytes(4), "ends inside its header"),
        (b"\0\0\x08\1" + struct.pack(">I", 5) + bytes(4), "5 bytes .* 4 follow"),
        (b"\0\0\x08\3" + b"\xff" * 12, "bytes .* 0 follow"),
        (b"\0\0\x08\3" + bytes(4) + b"\xff" * 8, "an IDX file of nothing"),  # found by fuzzing
    ],
)
def test_idx_that_is_none_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_idx(content, "here")


class Flaky(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; the first answer breaks off."""

    failures = 1

    def do_GET(self) -> None:
        if Flaky.failures:
            Flaky.failures -= 1
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address and the folder of what is published there."""
    folder = tmp_path / "published"
    folder.mkdir()
    handler = functools.partial(Flaky, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SWFLOW_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    return tmp_path / "cache"


def test_download_is_retried_verified_and_kept(server: tuple[str, Path], cache: Path) -> None:
    address, folder = server
    content = gzip.compress(b"rows")
    (folder / "rows.gz").write_bytes(content)
    Flaky.failures = 1
    raw = RawFile("set/rows.gz", f"{address}/rows.gz", md5(content))
    path = find(raw, None)
    assert path.is_relative_to(cache)
    assert read(path, raw, 100) == (b"rows", hashlib.sha256(b"rows").hexdigest())
    (folder / "rows.gz").unlink()
    assert find(raw, None) == path  # without asking again
    with pytest.raises(InputError, match="unpacks to more than 3 bytes"):
        read(path, raw, 3)


def test_download_of_something_else_is_refused(server: tuple[str, Path], cache: Path) -> None:
    address, folder = server
    (folder / "rows.gz").write_bytes(b"something else")
    Flaky.failures = 0
    raw = RawFile("set/rows.gz", f"{address}/rows.gz", md5(b"rows"))
    with pytest.raises(InputError, match=r"cannot be downloaded .*set/rows.gz in a folder"):
        find(raw, None)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_without_a_network_the_remedy_is_named(cache: Path) -> None:
    raw = RawFile("set/rows.gz", "http://127.0.0.1:9/rows.gz", md5(b"rows"))
    with pytest.raises(InputError, match=r"Without a network put the file at set/rows.gz"):
        find(raw, None)


def test_cifar10_is_read_from_its_binary_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]
    path, records = tmp_path / "cifar-10-binary.tar.gz", {}
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            records[name] = rng.integers(0, 256, (40, 3073), dtype=np.uint8)
            records[name][:, 0] = np.arange(40) % 10
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = records[name].size
            archive.addfile(info, BytesIO(records[name].tobytes()))
    published = cifar10.RAW._replace(md5=md5(path.read_bytes()))
    with pytest.raises(InputError, match="wrong checksum"):
        make_dataset(Cifar10Settings(data_root=tmp_path))
    monkeypatch.setattr(cifar10, "RAW", published)
    splits = make_dataset(Cifar10Settings(data_root=tmp_path))
    assert splits["train"].x[:].shape == (140, 3, 32, 32)
    expected = records["test_batch.bin"][:, 1:].reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(splits["test"].x[:], expected)
    np.testing.assert_array_equal(splits["test"].y, np.arange(40) % 10)
