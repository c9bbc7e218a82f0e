"""What reads files of strangers, and a good file for each: tests and the fuzzer begin with them."""

import json
import shutil
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from PIL import Image

from swflow.datasets.array import array
from swflow.datasets.idx import parse_idx
from swflow.datasets.images import images
from swflow.datasets.make import RawRows
from swflow.models.draws import sampling_conditions
from swflow.settings import ArraySettings, GaussianFitSettings, ImagesSettings, SimulationSettings
from swflow.stages.loading import load
from swflow.stages.prepare import write_splits
from swflow.stages.sample import write_samples
from swflow.stages.simulate import simulate_dataset
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from swflow.store.model import DESCRIPTION, WEIGHTS, checksum
from swflow.store.samples import read_samples
from swflow.store.scores import read_scores, write_scores
from swflow.store.trajectory import TrajectoryStore
from tests.helpers import TINY_FLOW, run_of

RNG = np.random.default_rng(0)


class Reader(NamedTuple):
    """What reads a file or a folder; inner: which file of a folder is tampered with."""

    read: Callable[[Path], Any]
    product: str
    inner: str = ""


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


def sealed(folder: Path) -> Any:
    """A model whose checksum is that of what was tampered with: a stranger can write it, too."""
    file = folder / DESCRIPTION
    before = file.read_bytes()
    try:
        with suppress(ValueError, RecursionError):
            said = json.loads(before)
            if isinstance(said, dict):
                said.pop("checksum", None)
                said["checksum"] = checksum(said, (folder / WEIGHTS).read_bytes())
                file.write_text(json.dumps(said))
        return load(folder)
    finally:
        file.write_bytes(before)


READERS = {
    "NumPy": Reader(rows, "rows.npy"),
    "NumPy archive": Reader(rows, "rows.npz"),
    "CSV": Reader(rows, "rows.csv"),
    "HDF5": Reader(rows, "rows.h5"),
    "IDX": Reader(idx, "images.idx"),
    "zip of images": Reader(pictures, "pictures.zip"),
    "tar of images": Reader(pictures, "pictures.tar"),
    "image": Reader(pictures, "pictures", "a/0.png"),
    "dataset": Reader(read_dataset, "dataset.h5"),
    "samples": Reader(every_draw, "draws.h5"),
    "JSON": Reader(read_scores, "scores.json"),
    "model": Reader(load, "model", WEIGHTS),
    "settings of a model": Reader(sealed, "model", DESCRIPTION),
    "safetensors": Reader(sealed, "model", WEIGHTS),
    "Zarr": Reader(every_slice, "flow.zarr", "zarr.json"),
    "Zarr array": Reader(every_slice, "flow.zarr", "particles/zarr.json"),
    "Zarr chunk": Reader(every_slice, "flow.zarr", "particles/c/0/0/0"),
}


def write_good_files(folder: Path) -> None:
    """A good file or folder for each reader."""
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
