"""A user's own latents and decoder: an ONNX file beside an array."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import swflow
from swflow.representation.onnx_decoder import OnnxDecoder
from swflow.runtime.errors import InputError
from swflow.settings import ArraySettings, GaussianMixtureModelSettings
from swflow.stages.prepare import prepare
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from swflow.store.model import OWN_DECODER

DIM, SIDE = 3, (4, 5)


def graph(matrix: np.ndarray, shape: tuple[int, ...]) -> bytes:
    """Images as a linear function of latents, of this shape each."""
    constants = {"matrix": matrix.astype(np.float32), "shape": np.array([-1, *shape])}
    nodes = [
        helper.make_node("MatMul", ["z", "matrix"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["images"]),
    ]
    made = helper.make_graph(
        nodes,
        "decoder",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", matrix.shape[0]])],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", *shape])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(DIM, SIDE[0] * SIDE[1]))


def latents_file(folder: Path, decoder: bytes) -> ArraySettings:
    rows = 5 + 2 * np.random.default_rng(1).normal(size=(300, DIM))
    np.save(folder / "codes.npy", rows)
    (folder / "decoder.onnx").write_bytes(decoder)
    return ArraySettings(path=folder / "codes.npy", decoder=folder / "decoder.onnx")


@pytest.mark.parametrize("shape", [SIDE, (1, *SIDE)])
def test_a_model_of_own_latents_draws_images_of_the_own_decoder(
    tmp_path: Path, matrix: np.ndarray, shape: tuple[int, ...]
) -> None:
    """Whose folder is complete: the decoder lies in it. An axis of one channel is left out."""
    prepare(latents_file(tmp_path, graph(matrix, shape)), "codes", tmp_path / "codes.h5")
    dataset = read_dataset(tmp_path / "codes.h5")
    rows = dataset.rows("train")
    latents = rows * dataset.units.scale + dataset.units.shift
    images = dataset.units.decode(rows)
    np.testing.assert_allclose(
        images.reshape(len(rows), -1), latents @ matrix, rtol=1e-3, atol=1e-3
    )
    low, high = dataset.units.value_range
    assert (low, high) == pytest.approx((images.min(), images.max()), rel=1e-5)
    train(GaussianMixtureModelSettings(), dataset, [], 0, tmp_path / "model", "cpu")
    (tmp_path / "decoder.onnx").unlink()
    model = swflow.load(tmp_path / "model")
    assert model.sample(6).shape == (6, *SIDE)
    assert (tmp_path / "model" / OWN_DECODER).is_file()


def test_colour_keeps_its_channels(matrix: np.ndarray) -> None:
    wide = np.tile(matrix, (1, 3))
    decoder = OnnxDecoder(graph(wide, (3, *SIDE)), DIM)
    assert decoder.event_shape == (3, *SIDE)
    assert decoder(np.ones((600, DIM))).shape == (600, 3, *SIDE)
    assert decoder.stored_bytes > 0


def test_what_is_no_decoder_is_refused(tmp_path: Path, matrix: np.ndarray) -> None:
    for content, said in (
        (b"no graph at all", "no usable decoder in ONNX"),
        (graph(matrix[:2], SIDE), "does not take latents of shape"),
        (graph(matrix, (20,)), "needed are images"),
        (graph(np.full_like(matrix, np.inf), SIDE), "NaN or infinite"),
    ):
        settings = latents_file(tmp_path, content)
        with pytest.raises(InputError, match=said):
            prepare(settings, "codes", tmp_path / "codes.h5")
        assert not (tmp_path / "codes.h5").exists()
    missing = settings.model_copy(update={"decoder": tmp_path / "nothing.onnx"})
    with pytest.raises(InputError, match=r"decoder = .*nothing\.onnx: cannot be read"):
        prepare(missing, "codes", tmp_path / "codes.h5")


def test_rows_that_are_no_latents_take_no_decoder(tmp_path: Path, matrix: np.ndarray) -> None:
    settings = latents_file(tmp_path, graph(matrix, SIDE))
    np.save(tmp_path / "codes.npy", np.random.default_rng(0).normal(size=(30, 2, 3)))
    with pytest.raises(InputError, match=r"latents \(n, dim\)"):
        prepare(settings, "codes", tmp_path / "codes.h5")
