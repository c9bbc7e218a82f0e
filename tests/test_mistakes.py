"""What people do by mistake ends in one message; nothing is lost, or taken for what it is not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import swflow
from swflow.cli import app as entry
from swflow.flow.trajectory import Trajectory
from swflow.models.source_model import SourceModel
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import FlowMapSettings, OptimiserSettings
from swflow.stages.collect import read_metrics, stage_shares
from swflow.stages.loading import open_runs
from swflow.stages.points import read_rows
from swflow.stages.tabulate import tabulate
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from swflow.store.trajectory import write_trajectory
from tests.helpers import invoke

ROWS = np.random.default_rng(0).normal(size=(60, 3))


def prepare(path: Path, **fields: object) -> None:
    settings = {"kind": "array", "path": str(path), **fields}
    invoke("prepare", "--settings", json.dumps(settings), "--out", path.with_name("made.h5"))


@pytest.fixture(scope="module")
def model(folder: Path, dataset: Dataset, stores: list[list[Trajectory]]) -> Path:
    path = folder / "mistaken"
    settings = FlowMapSettings(training=OptimiserSettings(steps=3, batch_size=16))
    train(settings, dataset, stores[0][:1], 0, path, "cpu")
    return path


def test_what_a_command_reads_is_not_written_over(
    dataset_path: Path, model: Path, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    rows, link = tmp_path / "rows.h5", tmp_path / "link.h5"
    np.save(tmp_path / "points.npy", ROWS[:, :2])
    rows.write_bytes(dataset_path.read_bytes())
    link.symlink_to(rows)
    store = stores[0][0].store.path
    settings = json.dumps({"kind": "array", "path": str(rows)})
    commands = [
        ("prepare", "--settings", settings, "--out", link),
        ("simulate", rows, "--set", "horizon=1", "--out", rows),
        ("transport", model, tmp_path / "points.npy", "--out", tmp_path / "points.npy"),
        ("sample", rows, "-n", 5, "--out", rows),
        ("sample", model, "-n", 5, "--out", model / "settings.npy"),
        ("train", store, "--dataset", rows, "--set", "kind=flow_map", "--out", store),
    ]
    for command in commands:
        with pytest.raises(InputError, match="is read there; choose another place"):
            invoke(*command)
    assert rows.read_bytes() == dataset_path.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.h5", "points.npy", "rows.h5"]


HEADED = "a,b\n" + "1.5,2.5\n3.5,4\n" * 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADED.partition("\n")[2], r"its first line, \['1.5', '2.5'\], holds numbers"),
        (HEADED.replace("a,b", "a,a"), "a name twice or a column without one"),
        (HEADED.replace("a,b", ",b"), "a name twice or a column without one"),
        (HEADED.replace("a,b", "a"), "more values than the 1 names of its header"),
        (HEADED.replace(",", ";").replace(".", ","), "decimal commas"),
    ],
)
def test_a_csv_of_another_form_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        prepare(tmp_path / "rows.csv")
    for header in ("a,b", "0,1", "1a,2"):
        (tmp_path / "rows.csv").write_text(HEADED.replace("a,b", header))
        prepare(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(120) % 2, r"60 rows, but labels of shape \(120,\)"),
        (np.arange(30) % 2, r"60 rows, but labels of shape \(30,\)"),
        (np.where(np.arange(60) % 9, 1.0, np.nan), "some labels are missing"),
        (np.linspace(0, 1, 60), "labels are no whole numbers"),
        (np.array(1), r"labels of shape \(\)"),
    ],
)
def test_labels_that_are_no_classes_are_refused(
    labels: np.ndarray, message: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "rows.npz", x=ROWS, y=labels)
    with pytest.raises(InputError, match=message):
        prepare(tmp_path / "rows.npz", labels="y")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (1.7e9 + ROWS, "all but the same in float32; subtract a constant"),
        (np.where(np.arange(60)[:, None] == 3, -1e100, ROWS), "too large for float32"),
        (np.array(3.0), "holds a single number"),
    ],
    ids=["time stamps", "a sentinel", "one number"],
)
def test_rows_that_float32_cannot_hold_are_refused(
    rows: np.ndarray, message: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(InputError, match=message):
        prepare(tmp_path / "rows.npy")


def test_stores_of_several_flows_are_not_mixed(
    dataset_path: Path,
    dataset: Dataset,
    stores: list[list[Trajectory]],
    model: Path,
    tmp_path: Path,
) -> None:
    paths = [[of.store.path for of in row] for row in stores]
    assert [run.entropy for run in open_runs(paths[0])] == [0.0, 0.1]
    with pytest.raises(InputError, match=r"both at entropy 0\.1: give one store for each"):
        open_runs([paths[0][1], paths[1][1]])
    np.save(tmp_path / "rows.npy", 1000 * ROWS)
    prepare(tmp_path / "rows.npy")
    flow = ("--set", "horizon=1", "--set", "n_particles=20", "--set", "n_directions=3")
    invoke("simulate", tmp_path / "made.h5", *flow, "--out", tmp_path / "other.zarr")
    with pytest.raises(InputError, match="are of different data"):
        open_runs([paths[0][1], tmp_path / "other.zarr"])
    settings = FlowMapSettings(entropies=(0.1, 7.0))
    with pytest.raises(InputError, match=r"entropies = \[0.1, 7.0\]: the stores are at \[0.0\]"):
        train(settings, dataset, stores[0][:1], 0, tmp_path / "model", "cpu")
    with pytest.raises(InputError, match="one model or dataset at a time; 2 paths"):
        invoke("sample", model, dataset_path, "--out", tmp_path / "a.npy")


@pytest.mark.parametrize("splits", [("Train", "Test"), ("train", "val"), ("train", "test", "val")])
def test_folders_of_other_splits_are_no_classes(splits: tuple[str, ...], tmp_path: Path) -> None:
    for split in splits:
        for k in range(8):
            path = tmp_path / "pictures" / split / "a" / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4), k).save(path)
    images = ("--set", "kind=images", "--set", f"path={tmp_path / 'pictures'}")
    with pytest.raises(InputError, match="splits are two folders, train and test"):
        invoke("prepare", *images, "--out", tmp_path / "made.h5")
    invoke("prepare", *images, "--set", "labels=false", "--out", tmp_path / "made.h5")
    found = read_dataset(tmp_path / "made.h5")
    assert sum(found.size(split) for split in found.splits) == 8 * len(splits)


def test_links_that_lead_nowhere_and_pipes_are_no_images(tmp_path: Path) -> None:
    for k in range(9):
        Image.new("L", (4, 4), k).save(tmp_path / f"{k}.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    images = ("--set", "kind=images", "--set", f"path={tmp_path}")
    with pytest.raises(InputError, match=r"gone\.png: no readable image"):
        invoke("prepare", *images, "--out", tmp_path / "made.h5")
    invoke("prepare", *images, "--set", "skip_damaged=true", "--out", tmp_path / "made.h5")


def test_clouds_that_are_not_finite_are_not_stored(tmp_path: Path) -> None:
    cloud = {"particles": np.full((4, 2), np.nan, np.float32)}

    def write() -> None:
        with write_trajectory(tmp_path / "flow.zarr", [0.0, 1.0]) as writer:
            writer.write(0.0, cloud)
            writer.flush()

    with pytest.raises(InputError, match="particles at τ = 0 hold values that are not finite"):
        write()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step": 1e-300}, "more than 10,000,000 steps"),
        ({"horizon": 1e9, "step": 1}, "more than 10,000,000 steps"),
        ({"source": {"covariance": {"seed": -1}}}, "seed = -1"),
    ],
)
def test_settings_without_an_end_are_refused(
    settings: dict[str, object], message: str, dataset_path: Path, tmp_path: Path
) -> None:
    given = json.dumps({"horizon": 1} | settings)
    with pytest.raises(InputError, match=message):
        invoke("simulate", dataset_path, "--settings", given, "--out", tmp_path / "flow.zarr")
    swflow.FlowSettings(horizon=1e6)  # steps that grow with time are few


@pytest.mark.parametrize("text", [b"kind: moons # \xe9", b"\xff\xfek\x00", b"[" * 5000])
def test_settings_that_are_no_text_are_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_bytes(text)
    with pytest.raises(InputError, match="settings cannot be read"):
        invoke("prepare", "--settings", tmp_path / "settings.yaml", "--out", tmp_path / "made.h5")


def test_settings_that_stand_twice_are_refused(tmp_path: Path) -> None:
    given = '{"kind": "moons", "kind": "digits"}'
    with pytest.raises(InputError, match="kind stands in line 1 and in line 1"):
        invoke("prepare", "--settings", given, "--out", tmp_path / "made.h5")


@pytest.mark.parametrize("device", ["mps", "meta", "cuda:", "CPU"])
def test_devices_that_are_no_gpus_are_refused(device: str, model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="allowed are cpu, cuda and cuda:N"):
        invoke("sample", model, "--device", device, "--out", tmp_path / "a.npy")


def test_memory_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate() -> None:
        torch.empty(2**60)

    monkeypatch.setattr(entry, "app", allocate)
    monkeypatch.setattr(entry, "end_on_termination", lambda: None)
    with pytest.raises(SystemExit, match=r"swflow: error: not enough memory \(.*\): ask for less"):
        entry.main()


def test_points_of_any_float_are_carried_and_can_be_gone_on_with(model: Path) -> None:
    carrier = swflow.load(model)
    assert isinstance(carrier, SourceModel)
    x0 = torch.randn(5, 2)
    moved = carrier.transport(x0)
    assert torch.equal(carrier.transport(x0.double()), moved)
    torch.nn.Linear(2, 1)(moved).sum().backward()
    for bad in (x0.long(), x0.numpy(), torch.full((2, 2), torch.nan)):
        with pytest.raises(InputError, match="x0 must be a tensor of finite floats"):
            carrier.transport(bad)  # type: ignore[arg-type]
    assert carrier.sample(3, entropy=float(np.float32(carrier.spec.entropies[0]))).shape == (3, 2)
    for n in (0, 2.0, None):
        with pytest.raises(InputError, match="at least 1 sample"):
            carrier.sample(n)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"PK\3\4", np.save])
def test_files_that_hold_no_points_are_named(content: object, tmp_path: Path) -> None:
    path = tmp_path / "points.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, ROWS + 1j)
    with pytest.raises(InputError, match="no points could be read"):
        read_rows(path)


def test_metrics_and_benchmarks_that_lack_something_are_named(tmp_path: Path) -> None:
    columns = ["dataset", "teacher", "model", "seed", "entropy", "time", "passes", "label"]
    row = dict.fromkeys([*columns, "trained", "metric", "value", "floor", "n"], 0)
    path = tmp_path / "metrics.csv"
    pd.DataFrame([row]).to_csv(path, index=False)
    with pytest.raises(InputError, match="which it is made of"):
        tabulate(read_metrics(path), "overview", tmp_path)
    pd.DataFrame([row | {"value": "many"}]).to_csv(path, index=False)
    with pytest.raises(InputError, match="column value holds no numbers"):
        read_metrics(path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "seed0.tsv").write_text("")
    with pytest.raises(InputError, match=r"seed0\.tsv: no benchmark file"):
        stage_shares(tmp_path)
