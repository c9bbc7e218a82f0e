"""FID and KID: what torch-fidelity is given, and what is refused before it is asked."""

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from swflow.models.heldout_rows import HeldoutRows
from swflow.models.spec import Condition
from swflow.runtime.errors import InputError
from swflow.stages import inception
from swflow.stages.sample import write_samples
from swflow.store.dataset import read_dataset
from tests.representation.test_latents import images_file


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    images = read_dataset(images_file(tmp_path))
    samples = tmp_path / "test_set" / "seed0.h5"
    samples.parent.mkdir()
    write_samples(HeldoutRows(images), 60, [Condition(None, None)], 0, samples)
    weights, out = tmp_path / "weights.pth", tmp_path / "fid.json"
    weights.write_bytes(b"weights")
    return {"samples": samples, "dataset": images, "images": images, "weights": weights, "out": out}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The package's place is taken by one that notes what it is asked."""
    found: list[dict[str, Any]] = []

    def calculate_metrics(**given: Any) -> dict[str, float]:
        found.append(given)
        return {"frechet_inception_distance": 1.0}

    package = SimpleNamespace(calculate_metrics=calculate_metrics)
    monkeypatch.setitem(sys.modules, "torch_fidelity", package)
    return found


def test_images_are_given_as_bytes_in_three_channels(
    inputs: dict[str, Any], asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The floor first: other real images; as many on both sides."""
    monkeypatch.setattr(inception, "CHECKSUM", _digest(inputs["weights"])[:8])
    inception.inception(**inputs)
    assert [record["of"] for record in json.loads(inputs["out"].read_text())] == [
        "real images",
        "test_set",
    ]
    for given in asked:
        assert len(given["input1"]) == len(given["input2"]) == 40
        image = given["input1"][0]
        assert image.shape == (3, 12, 10)
        assert image.dtype == torch.uint8
        assert given["feature_extractor_weights_path"] == str(inputs["weights"])
    images = inputs["images"]
    real = images.units.decode(images.reference.rows())
    low, high = images.units.value_range
    expected = np.clip((real[3] - low) / (high - low) * 255, 0, 255).round()
    np.testing.assert_array_equal(asked[0]["input2"][3][1], expected)


def test_other_weights_are_not_opened(inputs: dict[str, Any], asked: list[dict[str, Any]]) -> None:
    """They are a pickle: only the published file may be read."""
    with pytest.raises(InputError, match="are not opened"):
        inception.inception(**inputs)
    with pytest.raises(InputError, match="does not download"):
        inception.inception(**inputs | {"weights": Path("nowhere.pth")})
    assert not asked
    assert not inputs["out"].exists()


def test_without_the_package_it_says_what_to_install(
    inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(InputError, match="pip install torch-fidelity"):
        inception.inception(**inputs)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
