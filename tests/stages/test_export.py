"""Exported models: ONNX that does what torch does, and a page that draws in a browser."""

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

import swflow
from swflow.flow.trajectory import Trajectory
from swflow.models.exported import OnePass
from swflow.models.flow_map import FlowMap
from swflow.models.spec import ModelSpec
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import (
    FlowMapSettings,
    GaussianFitSettings,
    SourceSettings,
    TwoTimeMapSettings,
    VelocitySettings,
)
from swflow.stages import export as stage
from swflow.stages.export import RUNTIME, explorer, export
from swflow.stages.train import train
from tests.pipeline import ROOT

PACKAGE = ROOT / "workflow" / "explorer" / "node_modules" / "onnxruntime-web"
FEW = {"network": {"width": 16, "depth": 2}, "training": {"steps": 20}}


def trained(
    folder: Path, dataset: Dataset, runs: list[Trajectory], settings: Any, name: str
) -> Any:
    train(settings, dataset, runs, 0, folder / name, "cpu")
    return swflow.load(folder / name)


@pytest.mark.parametrize(
    "settings",
    [
        FlowMapSettings(**FEW),
        FlowMapSettings(**FEW, clock="linear", entropies=[0.1]),
        TwoTimeMapSettings(**FEW, passes=(1,)),
    ],
)
@pytest.mark.parametrize("half", [False, True])
def test_the_file_does_what_the_model_does(
    settings: Any, half: bool, tmp_path: Path, dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    """At any time and entropy, for any number of rows; in half precision nearly so."""
    runs = stores[0] if settings.entropies is None else stores[0][1:]
    model = trained(tmp_path, dataset, runs, settings, "model")
    export(model, tmp_path / "model.onnx", half=half)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    known = {of.name for of in session.get_inputs()}
    for n, time, entropy in ((1, 0.7, 0.1), (7, 2.0, 0.1)):
        x = torch.randn(n, model.spec.units.dim)
        given = {
            "source": x.numpy(),
            "time": np.full(n, time, np.float32),
            "entropy": np.full(n, entropy, np.float32),
            "label": np.zeros(n, np.int64),
        }
        (found,) = session.run(None, {k: v for k, v in given.items() if k in known})
        expected = model.to_data(model.transport(x, time=time, entropy=entropy)).numpy()
        np.testing.assert_allclose(found, expected, atol=2e-2 if half else 1e-4)
    said = json.loads(session.get_modelmeta().custom_metadata_map["swflow"])
    assert said["horizon"] == 2
    assert said["source"] == {"law": "gaussian", "mean": 0.0, "scale": 1.0}


def test_half_precision_is_smaller(
    tmp_path: Path, dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    wide = FlowMapSettings(network={"width": 256, "depth": 3}, training={"steps": 2})
    model = trained(tmp_path, dataset, stores[0], wide, "wide")
    before = {name: value.clone() for name, value in model.tensors().items()}
    for half in (False, True):
        export(model, tmp_path / f"{half}.onnx", half=half)
    sizes = [(tmp_path / f"{half}.onnx").stat().st_size for half in (False, True)]
    assert sizes[1] < 0.6 * sizes[0]
    for name, value in model.tensors().items():
        assert torch.equal(value, before[name])  # the model itself is not rounded


@pytest.mark.parametrize(
    "settings", [VelocitySettings(**FEW, passes=(2,)), GaussianFitSettings(entropies=[0.0])]
)
def test_kinds_that_take_no_single_pass_are_refused(
    settings: Any, tmp_path: Path, dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    runs = stores[0][:1] if isinstance(settings, GaussianFitSettings) else stores[0]
    model = trained(tmp_path, dataset, runs, settings, "other")
    with pytest.raises(InputError, match="kinds that can be exported are flow_map, two_time_map"):
        export(model, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_source_that_pages_cannot_draw_is_refused(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a graph is made."""
    monkeypatch.delattr(stage, "_onnx_of")
    source = SourceSettings(covariance={"smallest": 0.5, "largest": 2})
    spec = ModelSpec(dataset.name, dataset.units, source, (0.0, 1.0), (0.0,))
    with pytest.raises(InputError, match="source with a covariance of its own cannot"):
        export(FlowMap(FlowMapSettings(**FEW), spec), tmp_path / "model.onnx")


def test_a_file_that_differs_is_not_written(
    tmp_path: Path,
    dataset: Dataset,
    stores: list[list[Trajectory]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, other = (
        trained(tmp_path, dataset, stores[0], FlowMapSettings(**few), f"{few['training']}")
        for few in (FEW, FEW | {"training": {"steps": 30}})
    )
    exported = stage._onnx_of
    monkeypatch.setattr(stage, "_onnx_of", lambda *_: exported(OnePass(other).eval(), other))
    with pytest.raises(InputError, match="ONNX and torch differ by"):
        export(model, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_page_needs_the_browsers_runtime(
    tmp_path: Path, dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    model = trained(tmp_path, dataset, stores[0], FlowMapSettings(**FEW), "model")
    with pytest.raises(InputError, match="`npm ci` in workflow/explorer"):
        explorer(model, tmp_path / "page", tmp_path)
    assert not (tmp_path / "page").exists()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which it is served."""
    handler = functools.partial(Quiet, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: Any) -> None:
        """Say nothing."""


def shown(browser: Any, change: str = "") -> bytes:
    """The canvas once it was drawn again, after a change of the controls."""
    from selenium.webdriver.support.ui import WebDriverWait

    said = "return document.getElementById('status').dataset"
    if change:
        browser.execute_script(
            f"document.getElementById('status').dataset.milliseconds = ''; {change};"
            "document.getElementById('controls').dispatchEvent(new Event('input'))"
        )
    WebDriverWait(browser, 60).until(
        lambda b: (found := b.execute_script(said)).get("milliseconds") or found.get("failed")
    )
    assert not browser.execute_script(said).get("failed"), browser.find_element("id", "status").text
    image = browser.execute_script("return document.getElementById('view').toDataURL()")
    return str(image).encode()


@pytest.mark.parametrize("product", ["codes/classes/two_time", "eight/short/map"])
def test_a_browser_draws_what_the_controls_say(
    product: str, finished: Path, served: tuple[Path, str], browser: Any
) -> None:
    """Images and points: by time, class and seed, and back to the same picture."""
    folder, address = served
    model = swflow.load(finished / "run" / "results" / "models" / product / "seed0")
    assert all((PACKAGE / "dist" / name).is_file() for name in RUNTIME), "run npm ci: make test"
    explorer(model, folder / "page", PACKAGE)
    browser.get(f"{address}/page/index.html")
    first = shown(browser)
    early = shown(browser, "document.getElementById('time').value = 300")
    other = shown(browser, "document.getElementById('seed').value = 5")
    walked = shown(browser, "document.getElementById('walk').value = 500")
    assert len({first, early, other, walked}) == 4
    if model.spec.labels:
        chosen = shown(browser, "document.getElementById('label').value = '3'")
        assert chosen != walked
        shown(browser, "document.getElementById('label').value = 'all'")
    back = shown(
        browser,
        "for (const [id, value] of [['time', 1000], ['seed', 0], ['walk', 0]])"
        "{ document.getElementById(id).value = value }",
    )
    assert back == first
    errors = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert not [line for line in errors if "favicon" not in line["message"]]
    assert "MIT" in (folder / "page" / "NOTICE.txt").read_text()


def test_a_page_of_the_file_system_says_what_to_run(
    finished: Path, tmp_path: Path, browser: Any
) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    model = swflow.load(finished / "run/results/models/eight/short/map/seed0")
    explorer(model, tmp_path / "page", PACKAGE)
    browser.get((tmp_path / "page" / "index.html").as_uri())
    WebDriverWait(browser, 60).until(lambda b: "http.server" in b.find_element("id", "status").text)
    shutil.rmtree(tmp_path / "page")
