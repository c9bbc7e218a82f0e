"""Commands that no rule needs: people use them with a trained model, or after a study."""

from pathlib import Path
from typing import Annotated, Any

import typer

from swflow.cli.options import (
    Entropies,
    Label,
    ModelFolder,
    Out,
    Passes,
    Seed,
    Source,
    Times,
    keep_inputs,
)
from swflow.runtime.errors import InputError


def transport(
    model: ModelFolder,
    points: Annotated[Path, typer.Argument(help="Source points (n, d), model units: .npy, .h5.")],
    out: Out,
    entropy: Entropies = [],
    time: Times = [],
    passes: Passes = [],
    label: Annotated[
        int | None, typer.Option(help="Class of the points; needed of flows class by class.")
    ] = None,
    data_units: Annotated[
        bool, typer.Option("--data-units", help="Write data units instead of model units.")
    ] = False,
) -> None:
    """Carry source points through a trained model; write .npy, .h5 or .png."""
    import torch

    from swflow.models.draws import one_condition
    from swflow.models.source_model import SourceModel
    from swflow.stages.loading import load
    from swflow.stages.points import check_ending, read_points, write_points

    keep_inputs(out, model, points)
    carrier = load(model)
    check_ending(out)
    if not isinstance(carrier, SourceModel):
        raise InputError(f"{model}: a {carrier.kind} carries no source points; use swflow sample.")
    condition = one_condition(carrier, entropy, time, passes, label)
    x0 = torch.from_numpy(read_points(points, carrier.spec.units.dim))
    x = carrier.transport(x0, **condition._asdict())
    write_points(x.numpy(), carrier.spec.units, out, to_data=data_units)


def animate(
    source: Source,
    out: Out,
    entropy: Annotated[float | None, typer.Option(help="Entropy (default: the first).")] = None,
    label: Label = None,
    n: Annotated[int, typer.Option("-n", help="Points or images.", min=1)] = 64,
    frames: Annotated[int, typer.Option(help="Frames, even in log(1 + τ).", min=2)] = 60,
    rate: Annotated[int, typer.Option(help="Frames a second.", min=1)] = 15,
    seed: Seed = 0,
) -> None:
    """Show points or images moving from the source to the end of the flow: .gif or .mp4.

    Images of several classes: a column for each, or several of few, as many lines as n allows.
    """
    import math

    from swflow.randomness import keyed_generator
    from swflow.stages import pictures
    from swflow.stages.loading import open_sampler

    keep_inputs(out, *source)
    sampler = open_sampler(source)
    condition = sampler.check(None, entropy, label, sampler.passes[-1])
    columns = pictures.columns_of(n, len(sampler.spec.labels) if label is None else 0)
    if columns:
        n = columns * max(1, n // columns)
    at = pictures.journeys(sampler, n, condition, keyed_generator(seed, "sample"))
    end = sampler.spec.times[-1]

    def frame(k: int) -> Any:
        time = min(math.expm1(math.log1p(end) * k / (frames - 1)), end)
        return f"τ = {time:.2f}", sampler.to_data(at(time)).numpy()

    pictures.animate(sampler.spec.units, frame, frames, rate, out, columns)


def export(
    model: ModelFolder,
    out: Out,
    half: Annotated[bool, typer.Option("--half", help="Weights in half precision.")] = False,
) -> None:
    """Write a map of one pass as ONNX, decoding included, checked against torch."""
    from swflow.stages.export import export
    from swflow.stages.loading import load

    if out.suffix != ".onnx":
        raise InputError(f"{out}: the ending must be .onnx.")
    keep_inputs(out, model)
    export(load(model), out, half=half)


def explorer(
    model: ModelFolder,
    out: Out,
    runtime: Annotated[
        Path, typer.Option(help="Folder of the npm package onnxruntime-web.")
    ] = Path("workflow/explorer/node_modules/onnxruntime-web"),
) -> None:
    """Write a folder with a page on which a browser draws from a model: sliders for time and so on.

    Serve it as it is (python3 -m http.server): the page fetches nothing from elsewhere.
    """
    from swflow.stages.export import explorer
    from swflow.stages.loading import load

    keep_inputs(out, model, runtime)
    explorer(load(model), out, runtime)


def shares(
    benchmarks: Annotated[Path, typer.Argument(help="Folder of benchmark files.")],
) -> None:
    """Print each stage's share of the seconds spent, from the pipeline's benchmark files."""
    from swflow.stages.collect import stage_shares

    typer.echo(stage_shares(benchmarks))
