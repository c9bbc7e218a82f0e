"""Files of strangers: whatever they hold, readers end in one message, and take no memory for it.

Bytes of good files are changed, cut and exchanged at random (SWFLOW_EXAMPLES: how often for each
reader); headers claim more than is there; JSON has no end.
"""

import ast
import io
import json
import os
import resource
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from swflow.datasets.array import array
from swflow.datasets.idx import parse_idx
from swflow.datasets.images import images
from swflow.datasets.make import RawRows
from swflow.models.draws import sampling_conditions
from swflow.runtime.errors import InputError
from swflow.settings import ArraySettings, GaussianFitSettings, ImagesSettings, SimulationSettings
from swflow.stages.loading import load
from swflow.stages.prepare import write_splits
from swflow.stages.sample import write_samples
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from swflow.store.samples import read_samples
from swflow.store.scores import read_scores, write_scores
from swflow.store.trajectory import TrajectoryStore
from tests.helpers import TINY_FLOW, run_of
from tests.pipeline import ROOT

EXAMPLES = int(os.environ.get("SWFLOW_EXAMPLES", "60"))
RNG = np.random.default_rng(0)
GIB = 2**30


def rows(path: Path) -> Any:
    return array(
        ArraySettings(path=path, labels="y" if path.suffix in (".npz", ".h5") else None), RNG
    )


def pictures(path: Path) -> Any:
    return images(ImagesSettings(path=path), RNG)


def every_draw(path: Path) -> Any:
    return list(read_samples(path))


def every_slice(path: Path) -> Any:
    store = TrajectoryStore(path)
    return [store.read("particles", k) for k in range(len(store.time))]


def idx(path: Path) -> Any:
    return parse_idx(path.read_bytes(), str(path))


# A reader, and which file of a product is tampered with.
READERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "rows.npy": (rows, ""),
    "rows.npz": (rows, ""),
    "rows.csv": (rows, ""),
    "rows.h5": (rows, ""),
    "images.idx": (idx, ""),
    "pictures.zip": (pictures, ""),
    "pictures.tar": (pictures, ""),
    "pictures": (pictures, "a/0.png"),
    "dataset.h5": (read_dataset, ""),
    "draws.h5": (every_draw, ""),
    "scores.json": (read_scores, ""),
    "model": (load, "settings.json"),
    "model ": (load, "weights.safetensors"),
    "flow.zarr": (every_slice, "zarr.json"),
    "flow.zarr ": (every_slice, "particles/zarr.json"),
    "flow.zarr  ": (every_slice, "particles/c/0/0/0"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good file for each reader."""
    folder = tmp_path_factory.mktemp("good")
    x, y = RNG.normal(size=(20, 3)).astype(np.float32), np.arange(20) % 2
    np.save(folder / "rows.npy", x)
    np.savez(folder / "rows.npz", x=x, y=y)
    np.savetxt(folder / "rows.csv", x, delimiter=",", header="a,b,c", comments="")
    with h5py.File(folder / "rows.h5", "w") as file:
        file["x"], file["y"] = x, y
    pixels = RNG.integers(0, 256, (12, 6, 5), dtype=np.uint8)
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *pixels.shape)
    (folder / "images.idx").write_bytes(header + pixels.tobytes())
    for k, image in enumerate(pixels):
        place = folder / "pictures" / "ab"[k % 2] / f"{k // 2}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place)
    shutil.make_archive(str(folder / "pictures"), "zip", folder / "pictures")
    shutil.make_archive(str(folder / "pictures"), "tar", folder / "pictures")
    splits = {name: RawRows(x + k, y) for k, name in enumerate(("train", "heldout", "test"))}
    write_splits(splits, "mine", folder / "dataset.h5")
    dataset = read_dataset(folder / "dataset.h5")
    flow = SimulationSettings(**TINY_FLOW | {"n_particles": 32, "n_directions": 30})
    simulate_dataset(dataset, flow, 0, folder / "flow.zarr", "cpu")
    run = run_of(folder / "flow.zarr")
    train(GaussianFitSettings(), dataset, [run], 0, folder / "model", "cpu")
    model = load(folder / "model")
    write_samples(model, 10, sampling_conditions(model, [], [], []), 0, folder / "draws.h5")
    write_scores(folder / "scores.json", [{"metric": "a", "value": 1.0}], "key", {"dataset": "d"})
    return folder


@pytest.fixture(scope="module")
def place(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copytree(good, tmp_path_factory.mktemp("hostile") / "files"))


@pytest.mark.parametrize("name", READERS)
def test_good_files_can_be_read(good: Path, name: str) -> None:
    reader, _ = READERS[name]
    assert reader(good / name.strip()) is not None


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
    reader, inner = READERS[name]
    source, target = good / name.strip() / inner, place / name.strip() / inner
    content = bytearray(source.read_bytes())
    for at, new in changes:
        begin = int(at * len(content))
        content[begin : begin + len(new)] = new
    target.write_bytes(bytes(content[: round(kept * len(content))]) + junk)
    try:
        with suppress(InputError):  # all else is a crash
            reader(place / name.strip())
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
    "npy": ("rows.npy", huge_npy),
    "npz": ("rows.npz", huge_npz),
    "HDF5": ("rows.h5", huge_h5),
    "IDX": ("images.idx", huge_idx),
    "dataset": ("dataset.h5", huge_dataset),
    "samples": ("draws.h5", huge_draws),
    "Zarr, times": ("flow.zarr", lambda path: huge_array(path, "time")),
    "Zarr, a slice": ("flow.zarr", huge_slice),
    "safetensors": ("model", huge_weights),
    "picture": ("pictures", huge_picture),
    "archive outside its folder": ("pictures.tar", outside),
}


@pytest.mark.parametrize("kind", HUGE)
def test_what_claims_terabytes_takes_no_memory(good: Path, tmp_path: Path, kind: str) -> None:
    name, tamper = HUGE[kind]
    reader, _ = READERS[name]
    path = tmp_path / name
    copy = shutil.copytree if (good / name).is_dir() else shutil.copy
    copy(good / name, path)
    tamper(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError):
        reader(path)
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < GIB


@pytest.mark.parametrize("name", ["rows.npy", "rows.h5"])
def test_rows_that_stay_in_their_file_may_be_larger_than_memory(
    good: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swflow.runtime.memory.memory_bytes", lambda: 8)
    assert len(rows(good / name).x) == 20
    assert len(read_dataset(good / "dataset.h5", streamed=True).splits["train"].x) == 20
    with pytest.raises(InputError, match=r"rows.npz, x: its header says 240 bytes, and this"):
        rows(good / "rows.npz")


def test_an_archive_that_explodes_is_refused(tmp_path: Path) -> None:
    bomb(tmp_path / "bomb.zip")
    assert (tmp_path / "bomb.zip").stat().st_size < 2**21
    with pytest.raises(InputError, match="unpacks to more than 1 GiB"):
        images(ImagesSettings(path=tmp_path / "bomb.zip", max_gib=1, skip_damaged=True), RNG)


@pytest.mark.parametrize("depth", [100_000])
def test_json_without_an_end_is_refused(good: Path, tmp_path: Path, depth: int) -> None:
    deep = "[" * depth
    (tmp_path / "scores.json").write_text(deep)
    with pytest.raises(InputError):
        read_scores(tmp_path / "scores.json")
    for name, inner in (("model", "settings.json"), ("flow.zarr", "zarr.json")):
        shutil.copytree(good / name, tmp_path / name)
        (tmp_path / name / inner).write_text(deep)
        with pytest.raises(InputError):
            READERS[name][0](tmp_path / name)


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
