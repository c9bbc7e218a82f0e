"""Products appear whole or not at all, and one process writes each."""

import multiprocessing
import os
import socket
from pathlib import Path

import pytest

from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path, exclusive, state_below


def test_a_product_appears_once_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "new" / "product"
    with atomic_path(out) as partial:
        partial.mkdir()
        (partial / "a").write_text("a")
        assert not out.exists()
    assert [path.name for path in out.parent.iterdir()] == ["product"]


def test_after_an_error_the_former_product_stays(tmp_path: Path) -> None:
    out = tmp_path / "product"
    out.write_text("whole")

    def fail() -> None:
        with atomic_path(out) as partial:
            partial.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert out.read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["product"]


def _hold(out: Path, begun: "multiprocessing.synchronize.Event") -> None:
    with exclusive(out):
        begun.set()
        multiprocessing.Event().wait()


def test_a_second_writer_is_told_who_writes_until_that_ends(tmp_path: Path) -> None:
    out, context = tmp_path / "product", multiprocessing.get_context("spawn")
    begun = context.Event()
    first = context.Process(target=_hold, args=(out, begun))
    first.start()
    assert begun.wait(60)
    said = rf"product: process {first.pid} on {socket.gethostname()} is writing this: wait"
    with pytest.raises(InputError, match=said), exclusive(out):
        raise AssertionError
    first.kill()
    first.join()
    with exclusive(out):  # the system freed it
        assert (tmp_path / "product.lock").read_text() == f"process {os.getpid()} on " + (
            socket.gethostname()
        )
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), atomic_path(tmp_path / "file" / "a"):
        raise AssertionError


@pytest.mark.parametrize("folder", [True, False], ids=["a folder", "a file"])
def test_a_folder_with_other_things_is_not_replaced(folder: bool, tmp_path: Path) -> None:
    out = tmp_path / "data"
    (out / "raw").mkdir(parents=True)
    (out / "raw" / "photo.txt").write_text("precious")
    with pytest.raises(InputError, match="is a folder with other things in it; choose another"):
        _write(out, folder)
    assert (out / "raw" / "photo.txt").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    with pytest.raises(InputError, match=r"\.: is a folder; name what is to be written in it"):
        _write(Path(), folder)


def test_products_are_replaced_by_their_like_alone(tmp_path: Path) -> None:
    out = tmp_path / "model"
    for _ in range(2):
        _write(out, True)
    with pytest.raises(InputError, match="cannot be written"):
        _write(out, False)
    assert (out / "weights.safetensors").read_text() == "w"


def _write(out: Path, folder: bool) -> None:
    with atomic_path(out) as partial:
        if not folder:
            partial.write_text("x")
            return
        partial.mkdir()
        for name in ("settings.json", "weights.safetensors"):
            (partial / name).write_text("w")


def test_the_state_of_a_folder_is_that_of_all_files_below_it(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    states = [state_below(tmp_path)]
    for change in (
        lambda: (tmp_path / "a" / "b" / "one.png").write_text("1"),
        lambda: (tmp_path / "a" / "b" / "one.png").write_text("12"),
        lambda: (tmp_path / "a" / "b" / "one.png").rename(tmp_path / "a" / "two.png"),
        lambda: (tmp_path / "a" / "two.png").unlink(),
    ):
        change()
        states.append(state_below(tmp_path))
    assert states[0] == states[-1]
    assert len(set(states)) == 4
