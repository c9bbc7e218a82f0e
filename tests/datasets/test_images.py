"""A user's own images: folders and archives, and what is refused."""

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swflow.datasets.images import images
from swflow.datasets.make import make_dataset
from swflow.runtime.errors import InputError
from swflow.settings import ImagesSettings
from swflow.stages.prepare import prepare
from swflow.store.dataset import read_dataset

DATA = os.environ.get("SWFLOW_DATA")
RNG = np.random.default_rng(0)


def write(path: Path, size: tuple[int, int] = (8, 6), mode: str = "L", value: int = 0) -> None:
    """An image of one colour; size is height and width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size[::-1], value).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of twenty images each, told apart by their brightness."""
    root = tmp_path / "pictures"
    for name, value in (("dark", 10), ("light", 200)):
        for k in range(20):
            write(root / name / f"{k:02d}.png", value=value + k)
    (root / "notes.txt").write_text("not an image")
    return root


def packed(folder: Path, path: Path) -> Path:
    """The folder in an archive of the kind that the name says."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as target:
            for file in files:
                target.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(path, f"w:{path.suffix[1:]}") as target:
            for file in reversed(files):
                target.add(file, file.relative_to(folder.parent))
    return path


@pytest.mark.parametrize("archive", [None, "all.zip", "all.tar.gz", "all.tar.xz"])
def test_folders_and_archives_hold_the_same_rows(
    archive: str | None, folder: Path, tmp_path: Path
) -> None:
    path = packed(folder, tmp_path / archive) if archive else folder
    found = images(ImagesSettings(path=path), RNG)
    assert np.asarray(found.x).shape == (40, 8, 6)
    assert json.loads(found.attributes["classes"]) == ["dark", "light"]
    np.testing.assert_array_equal(found.y, np.repeat([0, 1], 20))
    expected = np.concatenate([10 + np.arange(20), 200 + np.arange(20)])
    np.testing.assert_array_equal(np.asarray(found.x)[:, 0, 0], expected)


def test_prepared_file_knows_the_classes(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "pictures.h5"
    prepare(ImagesSettings(path=folder), "pictures", path)
    dataset = read_dataset(path)
    assert [dataset.size(s) for s in ("train", "heldout", "test")] == [28, 6, 6]
    assert json.loads(dataset.attributes["classes"]) == ["dark", "light"]
    assert dataset.units.event_shape == (8, 6)


def test_images_are_resized_and_cut_about_their_centre(tmp_path: Path) -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = [255, 0, 0]  # red in the middle third
    (tmp_path / "a").mkdir()
    Image.fromarray(wide).save(tmp_path / "a" / "wide.png")
    Image.fromarray(wide[:, 10:20]).save(tmp_path / "a" / "square.png")
    found = images(ImagesSettings(path=tmp_path / "a", size=(5, 5)), RNG)
    x = np.asarray(found.x)
    assert x.shape == (2, 3, 5, 5)
    assert found.y is None  # all in one folder
    np.testing.assert_array_equal(x[0, :, 2, 2], [255, 0, 0])
    np.testing.assert_allclose(x[1, :, 2, 1:-1], np.tile([[255], [0], [0]], 3), atol=40)
    grey = images(ImagesSettings(path=tmp_path / "a", size=5, colour=False), RNG)
    assert np.asarray(grey.x).shape == (2, 5, 5)


def test_folders_train_and_test_are_official_splits(tmp_path: Path) -> None:
    for part, n in (("train", 40), ("test", 12)):
        for name in ("a", "b"):
            for k in range(n // 2):
                write(tmp_path / part / name / f"{k}.png", value=k)
    splits = make_dataset(ImagesSettings(path=tmp_path))
    assert [len(splits[s].x) for s in ("train", "heldout", "test")] == [28, 12, 12]
    write(tmp_path / "test" / "c" / "0.png")
    with pytest.raises(InputError, match="test has a class 'c', train has none"):
        make_dataset(ImagesSettings(path=tmp_path))


def damage(folder: Path) -> None:
    file = folder / "dark" / "05.png"
    file.write_bytes(file.read_bytes()[:45])


def sixteen_bits(folder: Path) -> None:
    Image.fromarray(np.full((8, 6), 1000, np.uint16)).save(folder / "dark" / "05.png")


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (damage, r"dark/05.png: no readable image .*skip_damaged: true"),
    "16 bits": (sixteen_bits, r"dark/05.png: an image of mode I;16; convert it to 8 bits"),
    "sizes": (lambda f: write(f / "dark" / "05.png", (9, 6)), r"dark/05.png 9 x 6; set size:"),
    "modes": (
        lambda f: write(f / "dark" / "05.png", mode="RGB"),
        r"dark/05.png in colour; set colour: true or false",
    ),
    "empty class": (lambda f: (f / "none").mkdir(), r"class 'none' has no image"),
    "loose": (lambda f: write(f / "00.png"), r"00.png lies in no sub-folder, others do"),
    "few": (
        lambda f: write(f / "rare" / "00.png"),
        r"class 'rare' has 1 images, none of them in the \w+ split; give it more",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_used_is_named(fault: str, folder: Path, tmp_path: Path) -> None:
    make, message = FAULTS[fault]
    make(folder)
    for path in (folder, packed(folder, tmp_path / "all.zip")):
        if fault == "empty class" and path.is_file():
            continue  # an archive has no empty folders
        with pytest.raises(InputError, match=message):
            make_dataset(ImagesSettings(path=path))


def test_damaged_images_are_skipped_only_if_asked_for(folder: Path) -> None:
    damage(folder)
    assert len(images(ImagesSettings(path=folder, skip_damaged=True), RNG).x) == 39


def test_labels_false_takes_all_as_one(folder: Path) -> None:
    write(folder / "00.png")
    found = images(ImagesSettings(path=folder, labels=False), RNG)
    assert found.y is None
    assert len(found.x) == 41


@pytest.mark.parametrize("name", ["../out.png", "/out.png", "a/../../out.png"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archive_that_reaches_outside_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "png")
    path = tmp_path / f"evil.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, buffer.getvalue())
    else:
        with tarfile.open(path, "w") as packed_:
            info = tarfile.TarInfo(name)
            info.size = len(buffer.getvalue())
            packed_.addfile(info, io.BytesIO(buffer.getvalue()))
    with pytest.raises(InputError, match="lies outside; do not use it"):
        images(ImagesSettings(path=path), RNG)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_archive_that_unpacks_to_terabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("a.png")
        info.size = 2**42
        archive.fileobj.write(info.tobuf())  # type: ignore[union-attr]
    with pytest.raises(InputError, match="unpacks to more than 1 GiB; raise max_gib"):
        images(ImagesSettings(path=path, max_gib=1), RNG)


def test_archive_of_the_folder_itself_is_read(folder: Path, tmp_path: Path) -> None:
    """As `tar -cf all.tar .` packs it: names begin with a dot."""
    path = tmp_path / "all.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder, ".")
    found = images(ImagesSettings(path=path), RNG)
    assert json.loads(found.attributes["classes"]) == ["dark", "light"]


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("a.png")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(InputError, match=r"'a.png' is a link"):
        images(ImagesSettings(path=path), RNG)


def test_image_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("1", (20000, 10000)).save(tmp_path / "a" / "large.png")
    with pytest.raises(InputError, match=r"large.png: no readable image .*decompression bomb"):
        images(ImagesSettings(path=tmp_path / "a"), RNG)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such folder or archive"), (b"text", "no readable archive"), ("", "holds no image")],
)
def test_path_without_images_is_refused(
    content: bytes | str | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "images"
    if content == "":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        images(ImagesSettings(path=path), RNG)


@pytest.mark.skipif(not DATA, reason="SWFLOW_DATA names no folder of raw files")
def test_cifar10_as_an_archive_of_folders() -> None:
    assert DATA
    path = Path(DATA) / "cifar10-jpeg.tar.xz"
    splits = make_dataset(ImagesSettings(path=path))
    assert splits["train"].x[:1].shape == (1, 3, 32, 32)
    sizes = {name: len(rows.x) for name, rows in splits.items()}
    assert sizes == {"train": 35000, "heldout": 15000, "test": 10000}
    assert json.loads(splits["train"].attributes["classes"])[0] == "airplane"
