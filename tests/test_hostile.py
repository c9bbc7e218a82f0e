"""Files of strangers: whatever they hold, readers end in one message, and take no memory for it.

Bytes of good files are changed, cut and exchanged at random (SWFLOW_EXAMPLES: how often for each
reader); headers claim more than is there; JSON has no end.
"""

import ast
import io
import json
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from swflow.datasets.array import array
from swflow.datasets.images import images
from swflow.runtime.errors import InputError
from swflow.runtime.provenance import memory_since, peak_memory
from swflow.settings import ArraySettings, ImagesSettings
from swflow.store.dataset import read_dataset
from swflow.store.scores import read_scores
from tests.pipeline import ROOT
from tests.strangers import READERS, RNG, rows, write_good_files

EXAMPLES = int(os.environ.get("SWFLOW_EXAMPLES", "60"))
GIB = 2**30


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good file for each reader."""
    folder = tmp_path_factory.mktemp("good")
    write_good_files(folder)
    return folder


@pytest.fixture(scope="module")
def place(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copytree(good, tmp_path_factory.mktemp("hostile") / "files"))


@pytest.mark.parametrize("name", READERS)
def test_good_files_can_be_read(good: Path, name: str) -> None:
    reader = READERS[name]
    assert reader.read(good / reader.product) is not None


# Where, relative to the length, and what is written there; or where the file is cut.
changes = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=9)), max_size=4
)


@pytest.mark.parametrize("name", READERS)
@given(changes=changes, kept=st.floats(0, 1), junk=st.binary(max_size=20))
@example(changes=[], kept=0.0, junk=b"[" * 20)
@settings(
    max_examples=EXAMPLES,
    deadline=10_000,  # milliseconds: a reader that hangs is a fault, too
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_tampered_files_end_in_a_message_or_are_read(
    good: Path,
    place: Path,
    name: str,
    changes: list[tuple[float, bytes]],
    kept: float,
    junk: bytes,
) -> None:
    read, product, inner = READERS[name]
    source, target = good / product / inner, place / product / inner
    content = bytearray(source.read_bytes())
    for at, new in changes:
        begin = int(at * len(content))
        content[begin : begin + len(new)] = new
    target.write_bytes(bytes(content[: round(kept * len(content))]) + junk)
    try:
        with suppress(InputError):  # all else is a crash
            read(place / product)
    finally:
        shutil.copy(source, target)


# Files whose header claims more than any machine has.


def huge_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (10**11, 25)}
        )


def huge_npz(path: Path) -> None:
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        member, {"descr": "<f4", "fortran_order": False, "shape": (10**11, 25)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", member.getvalue())
        archive.writestr("y.npy", member.getvalue())


def huge_h5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (10**11, 25), np.float32, chunks=(1000, 25))
        file.create_dataset("y", (10**11,), np.int64, chunks=(1000,))


def huge_dataset(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["heldout/x"]
        file.create_dataset("heldout/x", (10**11, 3), np.float32, chunks=(1000, 3))


def huge_draws(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        group = next(iter(next(iter(next(iter(file.values())).values())).values()))
        del group["x"]
        group.create_dataset("x", (10**11, 3), np.float32, chunks=(1000, 3))


def huge_array(path: Path, name: str) -> None:
    said = json.loads((path / name / "zarr.json").read_text())
    said["shape"][0] = 10**12
    (path / name / "zarr.json").write_text(json.dumps(said))


def huge_slice(path: Path) -> None:
    said = json.loads((path / "particles" / "zarr.json").read_text())
    shard = said["chunk_grid"]["configuration"]["chunk_shape"]
    said["shape"][1] = shard[1] = shard[1] * 10**9
    (path / "particles" / "zarr.json").write_text(json.dumps(said))


def huge_weights(path: Path) -> None:
    header = {"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}
    text = json.dumps(header).encode()
    (path / "weights.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)


def huge_idx(path: Path) -> None:
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**16, 2**16) + b"0" * 9)


def huge_picture(path: Path) -> None:
    content = bytearray((path / "a" / "0.png").read_bytes())
    content[16:24] = struct.pack(">2I", 2**20, 2**20)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (path / "a" / "0.png").write_bytes(content)


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(20):
            archive.writestr(f"a/{k}.png", bytes(2**20 * 60))


def outside(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("../../evil.png")
        archive.addfile(info, io.BytesIO(b""))


HUGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "npy": ("NumPy", huge_npy),
    "npz": ("NumPy archive", huge_npz),
    "HDF5": ("HDF5", huge_h5),
    "IDX": ("IDX", huge_idx),
    "dataset": ("dataset", huge_dataset),
    "samples": ("samples", huge_draws),
    "Zarr, times": ("Zarr", lambda path: huge_array(path, "time")),
    "Zarr, a slice": ("Zarr", huge_slice),
    "safetensors": ("safetensors", huge_weights),
    "picture": ("image", huge_picture),
    "archive outside its folder": ("tar of images", outside),
}


@pytest.mark.parametrize("kind", HUGE)
def test_what_claims_terabytes_takes_no_memory(good: Path, tmp_path: Path, kind: str) -> None:
    name, tamper = HUGE[kind]
    read, product, _ = READERS[name]
    path = tmp_path / product
    copy = shutil.copytree if (good / product).is_dir() else shutil.copy
    copy(good / product, path)
    tamper(path)
    before = peak_memory()
    with pytest.raises(InputError):
        read(path)
    assert memory_since(before) < GIB


@pytest.mark.parametrize("name", ["rows.npy", "rows.h5"])
def test_rows_that_stay_in_their_file_may_be_larger_than_memory(
    good: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swflow.runtime.memory.memory_bytes", lambda: 8)
    assert len(rows(good / name).x) == 20
    assert len(read_dataset(good / "dataset.h5", streamed=True).splits["train"].x) == 20
    with pytest.raises(InputError, match=r"rows.npz: array .x.: its header says 240 bytes"):
        rows(good / "rows.npz")


def test_an_archive_that_explodes_is_refused(tmp_path: Path) -> None:
    bomb(tmp_path / "bomb.zip")
    assert (tmp_path / "bomb.zip").stat().st_size < 2**21
    with pytest.raises(InputError, match="unpacks to more than 1 GiB"):
        images(ImagesSettings(path=tmp_path / "bomb.zip", max_gib=1, skip_damaged=True), RNG)


@pytest.mark.parametrize("name", ["dataset", "samples", "HDF5"])
def test_a_heap_without_an_end_is_refused(name: str, good: Path, tmp_path: Path) -> None:
    """Of texts: the library would look at a free object of no size for ever. Found by fuzzing."""
    reader = READERS[name]
    file = Path(shutil.copy(good / reader.product, tmp_path))
    with h5py.File(file, "a") as stored:
        stored.attrs["said"] = "something"
    content = bytearray(file.read_bytes())
    first = content.index(b"GCOL") + 16
    content[first : first + 16] = bytes(16)
    file.write_bytes(content)
    with pytest.raises(InputError, match="a heap without an end"):
        reader.read(file)


@pytest.mark.parametrize("sums", [[], {"particles": []}, {"particles": {"0": 1}}, {"particles": 3}])
def test_a_store_whose_sums_are_not_those_of_its_times_is_refused(
    sums: object, good: Path, tmp_path: Path
) -> None:
    """Found by fuzzing."""
    read, name, inner = READERS["Zarr"]
    shutil.copytree(good / name, tmp_path / name)
    said = json.loads((tmp_path / name / inner).read_text())
    assert len(said["attributes"]["sums"]["particles"]) > 1
    said["attributes"]["sums"] = sums
    (tmp_path / name / inner).write_text(json.dumps(said))
    with pytest.raises(InputError, match=r"no trajectory store|not one for each of"):
        read(tmp_path / name)


@pytest.mark.parametrize("depth", [100_000])
def test_json_without_an_end_is_refused(good: Path, tmp_path: Path, depth: int) -> None:
    deep = "[" * depth
    (tmp_path / "scores.json").write_text(deep)
    with pytest.raises(InputError):
        read_scores(tmp_path / "scores.json")
    for read, name, inner in (READERS["settings of a model"], READERS["Zarr"]):
        shutil.copytree(good / name, tmp_path / name)
        (tmp_path / name / inner).write_text(deep)
        with pytest.raises(InputError):
            read(tmp_path / name)


def test_nothing_of_a_user_is_unpickled() -> None:
    """No module calls pickle, nor a reader that would, but for the published Inception weights."""
    allowed = {"stages/inception.py"}
    source = ROOT / "src" / "swflow"
    for path in source.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            names = {alias.name for alias in getattr(node, "names", ()) if hasattr(alias, "name")}
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= {str(getattr(node, "module", ""))}
                assert not names & {"pickle", "joblib", "shelve", "marshal", "dill"}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
                if called == "torch.load":
                    assert str(path.relative_to(source)) in allowed, path
                if called == "np.load":
                    assert keywords.get("allow_pickle") == "False", path
                assert called not in ("yaml.load", "pd.read_pickle"), path


def test_an_object_array_is_refused(tmp_path: Path) -> None:
    """Which numpy would unpickle."""
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=np.array([{"a": 1}], dtype=object))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(InputError, match="cannot be read"):
            array(ArraySettings(path=tmp_path / name), RNG)


def test_downloads_are_over_tls() -> None:
    for path in (ROOT / "src" / "swflow" / "datasets").glob("*.py"):
        for line in path.read_text().splitlines():
            assert "http://" not in line or "source" in line, (path, line)
