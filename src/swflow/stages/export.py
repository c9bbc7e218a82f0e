"""Exporting a model: an ONNX file, and a page on which a browser draws from it."""

import copy
import json
import shutil
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from swflow.models.exported import OnePass
from swflow.models.sampler import Model
from swflow.randomness import keyed_generator
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path

TOLERANCE = 1e-4  # of the data's range, between ONNX and torch
MOST_ROWS = 4096  # of one call
CHECKED = 16  # rows of each check
MATRIX = 2  # dimensions of what half precision is worth for
INPUTS = ("source", "time", "entropy", "label")
# Of the npm package onnxruntime-web, what a page needs.
RUNTIME = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PAGE = ("index.html", "explorer.css", "explorer.js")


def export(model: Model, out: Path, *, half: bool = False) -> None:
    """Write a map of one pass as ONNX, decoding included, and check it against torch.

    Inputs `source (n, d)` in model units, `time`, `entropy`, `label (n,)`; output in data units.
    half: weights are kept in half precision, and computed with in single. The file's metadata
    `swflow` says units, times, entropies and classes. Raises InputError for kinds that cannot be
    exported, where packages are missing, and where ONNX and torch differ by more than TOLERANCE.
    """
    graph = OnePass(model).eval()
    if half:
        graph = _rounded(graph)
    made = _onnx_of(graph, model)
    if half:
        _store_halves(made)
    said = made.metadata_props.add()
    said.key, said.value = "swflow", json.dumps(described(model))
    packed = made.SerializeToString()
    _check(packed, graph, model)
    with atomic_path(out) as partial:
        partial.write_bytes(packed)


def explorer(model: Model, out: Path, runtime: Path) -> None:
    """Write a folder with a page that draws from a model in a browser, without a server's help.

    runtime: folder of the npm package onnxruntime-web. Raises InputError where it is not there,
    and as `export`.
    """
    package = runtime / "package.json"
    missing = [name for name in RUNTIME if not (runtime / "dist" / name).is_file()]
    if missing or not package.is_file():
        raise InputError(
            f"{runtime}: not the npm package onnxruntime-web "
            f"({', '.join(missing) or package.name} missing): `npm ci` in workflow/explorer puts "
            "it into workflow/explorer/node_modules/onnxruntime-web."
        )
    with atomic_path(out) as partial:
        partial.mkdir()
        export(model, partial / "model.onnx", half=True)
        for name in PAGE:
            text = files("swflow.report").joinpath("explorer", name).read_text()
            (partial / name).write_text(text)
        for name in RUNTIME:
            shutil.copyfile(runtime / "dist" / name, partial / name)
        said = json.loads(package.read_text())
        (partial / "NOTICE.txt").write_text(
            f"{said['name']} {said['version']}, licence {said['license']}: {', '.join(RUNTIME)}\n"
        )
        values = json.dumps(described(model)).replace("<", "\\u003c")  # no markup of a name
        (partial / "model.json").write_text(values)


def described(model: Model) -> dict[str, Any]:
    """What a reader of the file must know: JSON."""
    spec, source = model.spec, model.spec.source
    return {
        "dataset": spec.dataset,
        "dim": spec.units.dim,
        "shape": list(spec.units.data_shape),
        "range": list(_range(model)),
        "source": {"law": source.law, "mean": source.mean, "scale": source.scale},
        "horizon": spec.times[-1],
        "entropies": [min(spec.entropies), max(spec.entropies)],
        "labels": list(spec.labels),
        "most_rows": MOST_ROWS,
    }


def _range(model: Model) -> tuple[float, float]:
    low, high = model.spec.units.value_range
    return float(low), float(high)


def _onnx_of(graph: OnePass, model: Model) -> Any:
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"exporting needs onnxscript ({error}): pip install 'onnxscript>=0.5'."
        ) from error
    rows = torch.export.Dim("rows", min=1, max=MOST_ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            graph,
            _inputs(model, 3, 0),
            dynamo=True,
            verbose=False,
            input_names=list(INPUTS),
            output_names=["samples"],
            dynamic_shapes={name: {0: rows} for name in INPUTS},
        )
    assert program is not None
    return program.model_proto


def _inputs(model: Model, n: int, seed: int) -> tuple[torch.Tensor, ...]:
    """Source points, times, entropies and classes over all that was learned."""
    generator, spec = keyed_generator(seed, "export"), model.spec
    low, high = min(spec.entropies), max(spec.entropies)
    labels = torch.tensor(spec.labels or (0,))
    return (
        torch.randn(n, spec.units.dim, generator=generator),
        spec.times[-1] * torch.rand(n, generator=generator),
        low + (high - low) * torch.rand(n, generator=generator),
        labels[torch.randint(len(labels), (n,), generator=generator)],
    )


def _check(packed: bytes, graph: OnePass, model: Model) -> None:
    """Compare ONNX and torch on rows of all times, entropies and classes."""
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(
            f"an export is checked by onnxruntime ({error}): pip install onnxruntime."
        ) from error
    session = onnxruntime.InferenceSession(packed)
    known = {of.name for of in session.get_inputs()}  # what a graph does not use is left out
    low, high = _range(model)
    for seed in range(1, 5):
        given = _inputs(model, CHECKED * seed, seed)
        asked = {name: x.numpy() for name, x in zip(INPUTS, given, strict=True) if name in known}
        (found,) = session.run(None, asked)
        with torch.inference_mode():
            off = float(np.abs(found - graph(*given).numpy()).max()) / (high - low)
        if not off <= TOLERANCE:
            raise InputError(
                f"ONNX and torch differ by {off:.2g} of the data's range, more than {TOLERANCE:g}: "
                "nothing was written."
            )


def _rounded(graph: OnePass) -> OnePass:
    """The same with its matrices rounded to half precision."""
    other = copy.deepcopy(graph)
    for value in other.state_dict().values():
        if value.ndim >= MATRIX:
            value.copy_(value.half().float())
    return other


def _store_halves(made: Any) -> None:
    """Keep in half precision what that holds exactly, cast to single where it is used."""
    from onnx import TensorProto, helper, numpy_helper

    kept, casts = [], []
    for of in made.graph.initializer:
        value = numpy_helper.to_array(of)
        halved = value.astype(np.float16)
        if of.data_type != TensorProto.FLOAT or not np.array_equal(halved, value):
            kept.append(of)
            continue
        kept.append(numpy_helper.from_array(halved, f"{of.name}_half"))
        casts.append(helper.make_node("Cast", [f"{of.name}_half"], [of.name], to=TensorProto.FLOAT))
    del made.graph.initializer[:]
    made.graph.initializer.extend(kept)
    nodes = [*casts, *made.graph.node]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
