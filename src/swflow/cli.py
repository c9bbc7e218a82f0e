"""The command line: one command for each rule of the pipeline.

Modules that import torch are imported inside the commands: `swflow --help` starts fast, and a
cluster job that only plans does not pay for it.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from swflow.errors import InputError
from swflow.options import (
    CheckpointSeconds,
    DatasetFile,
    Device,
    Entropies,
    Label,
    Out,
    Overrides,
    Passes,
    Quasi,
    Seed,
    SettingsText,
    Source,
    Times,
    checked_device,
    fields,
    read_settings,
)
from swflow.settings import (
    AnyModelSettings,
    DatasetSettings,
    SampleSettings,
    ScoreSettings,
    SimulationSettings,
)
from swflow.termination import EXIT_CODE, TerminatedError, end_on_termination

app = typer.Typer(
    help="Learn sliced-Wasserstein flows: each command is one stage of the pipeline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command(epilog=fields(DatasetSettings))
def prepare(
    out: Out, settings: SettingsText = "{}", override: Overrides = [], name: str = ""
) -> None:
    """Make or read a dataset: splits in model units, one HDF5 file."""
    from swflow.datasets import write_dataset
    from swflow.datasets.make import make_dataset

    chosen = read_settings(DatasetSettings, settings, override)
    write_dataset(out, name or out.stem, make_dataset(chosen))


@app.command(epilog=fields(SimulationSettings))
def simulate(
    dataset: Path,
    out: Out,
    settings: SettingsText = "{}",
    override: Overrides = [],
    seed: Seed = 0,
    device: Device = "cpu",
    checkpoint_seconds: CheckpointSeconds = 60,
    processes: Annotated[
        int,
        typer.Option(help="Processes of this machine that share the directions.", min=1),
    ] = 1,
) -> None:
    """Simulate the particle flow to a dataset; write its trajectory as a Zarr store.

    Interrupted, the same command goes on from the last checkpoint.
    """
    from swflow.datasets import read_dataset
    from swflow.distributed import (
        local_device,
        process_group,
        start_processes,
        started_by_torchrun,
    )
    from swflow.simulation import simulate_dataset

    chosen = read_settings(SimulationSettings, settings, override)
    if processes > 1 and not started_by_torchrun():
        start_processes(processes, sys.argv[1:])
        return
    data = read_dataset(dataset, streamed=chosen.target_batch is not None)
    place = local_device(checked_device(device))
    with process_group(place) as group:
        simulate_dataset(
            data, chosen, seed, out, place, checkpoint_seconds=checkpoint_seconds, group=group
        )


@app.command(epilog=fields(AnyModelSettings))
def train(
    dataset: DatasetFile,
    out: Out,
    stores: Annotated[
        list[Path], typer.Argument(help="Stores of one flow; none for models of the data alone.")
    ] = [],
    settings: SettingsText = "{}",
    override: Overrides = [],
    seed: Seed = 0,
    device: Device = "cpu",
    checkpoint_seconds: CheckpointSeconds = 60,
) -> None:
    """Fit a model to the stores of a flow, one for each entropy, or to the data; write its folder.

    Interrupted, the same command goes on from the last checkpoint.
    """
    from swflow.datasets import read_dataset
    from swflow.models.fit import fit_model
    from swflow.trajectory import Trajectory

    chosen = read_settings(AnyModelSettings, settings, override)
    teachers = Trajectory.open_all(stores)
    fit_model(
        chosen,
        read_dataset(dataset),
        teachers,
        seed,
        out,
        checked_device(device),
        checkpoint_seconds=checkpoint_seconds,
    )


@app.command(epilog=fields(SampleSettings))
def sample(
    source: Source,
    out: Out,
    entropy: Entropies = [],
    time: Times = [],
    passes: Passes = [],
    label: Label = None,
    quasi: Quasi = False,
    n: Annotated[int | None, typer.Option("-n", help="How many (default: settings).")] = None,
    settings: SettingsText = "{}",
    override: Overrides = [],
    seed: Seed = 0,
) -> None:
    """Draw from a model folder, flow stores or a dataset.

    FILE.h5: at every entropy, time and number of passes asked for (default: all), a group for
    each, in model units. FILE.npy or FILE.png (a grid of images, or points): at one of each
    (default: the end of the flow, the first entropy), in data units.
    """
    from swflow.export import check_ending, write_points
    from swflow.randomness import keyed_generator
    from swflow.sampling import one_point, open_sampler, sampling_points, write_samples

    sampler = open_sampler(source)
    check_ending(out)
    given = [f"n={n}"] if n is not None else []
    n = read_settings(SampleSettings, settings, [*override, *given]).n
    if out.suffix == ".h5":
        points = sampling_points(sampler, entropy, time, passes, label)
        write_samples(sampler, n, points, seed, out, quasi=quasi)
    else:
        point = one_point(sampler, entropy, time, passes, label)
        generator = keyed_generator(seed, "sample")
        x = sampler.draw(n, point, generator, quasi).x
        write_points(x.numpy(), sampler.domain.units, out, to_data=True)


@app.command()
def transport(
    model: Path,
    points: Annotated[Path, typer.Argument(help="Source points (n, d), model units: .npy, .h5.")],
    out: Out,
    entropy: Entropies = [],
    time: Times = [],
    passes: Passes = [],
    label: Label = None,
    data_units: Annotated[
        bool, typer.Option("--data-units", help="Write data units instead of model units.")
    ] = False,
) -> None:
    """Carry source points through a trained model; write .npy, .h5 or .png."""
    import torch

    from swflow.export import check_ending, read_points, write_points
    from swflow.models import load
    from swflow.models.base import SourceModel
    from swflow.sampling import one_point

    carrier = load(model)
    check_ending(out)
    if not isinstance(carrier, SourceModel):
        raise InputError(f"{model}: a {carrier.kind} carries no source points; use swflow sample.")
    point = one_point(carrier, entropy, time, passes, label)
    x0 = torch.from_numpy(read_points(points, carrier.domain.units.dim))
    x = carrier.transport(x0, **point._asdict())
    write_points(x.numpy(), carrier.domain.units, out, to_data=data_units)


@app.command()
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
    """Show points or images moving from the source to the end of the flow: .gif or .mp4."""
    import math

    from swflow import pictures
    from swflow.sampling import journey, open_sampler

    sampler = open_sampler(source)
    at = journey(sampler, n, entropy, label, seed)
    last = math.log1p(sampler.domain.times[-1])

    def frame(k: int) -> Any:
        time = min(math.expm1(last * k / (frames - 1)), sampler.domain.times[-1])
        return f"τ = {time:.2f}", at(time)

    pictures.animate(sampler.domain.units, frame, frames, rate, out)


@app.command(epilog=fields(ScoreSettings))
def score(
    samples: Path,
    out: Out,
    dataset: DatasetFile,
    source: Annotated[list[Path], typer.Option(help="What was drawn from; may be repeated.")],
    reference: Annotated[list[Path], typer.Option(help="Store to compare with; repeat.")] = [],
    settings: SettingsText = "{}",
    override: Overrides = [],
    seed: Seed = 0,
) -> None:
    """Score stored samples, and what they were drawn from, against reference runs and real rows."""
    from swflow import scoring
    from swflow.datasets import read_dataset
    from swflow.sampling import open_sampler
    from swflow.trajectory import Trajectory

    rows = scoring.score(
        samples,
        open_sampler(source),
        read_dataset(dataset),
        Trajectory.open_all(reference),
        read_settings(ScoreSettings, settings, override),
        seed,
    )
    scoring.write_scores(rows, out)


@app.command()
def collect(scores: list[Path], out: Out) -> None:
    """Gather score files into metrics.csv, with the floor beside each value."""
    from swflow import summary

    summary.write_metrics(summary.collect(scores), out)


@app.command()
def tabulate(metrics: Path, table: list[str], out: Out) -> None:
    """Make tables (CSV, Markdown, LaTeX) from metrics.csv, in the folder --out."""
    from swflow.summary import read_metrics
    from swflow.tables import TABLES, write_table

    found = read_metrics(metrics)
    for name in table:
        write_table(_named(TABLES, name, "table")(found), out, name)


@app.command()
def plot(metrics: Path, figure: list[str], out: Out) -> None:
    """Draw numeric figures (SVG, PNG) from metrics.csv, in the folder --out."""
    from swflow.figures import FIGURES, write_figure
    from swflow.summary import read_metrics

    found = read_metrics(metrics)
    for name in figure:
        write_figure(_named(FIGURES, name, "figure")(found), out / name)


@app.command()
def picture(
    samples: Annotated[list[Path], typer.Argument(help="Files …/{row}/seedN.h5, a row each.")],
    dataset: DatasetFile,
    out: Annotated[Path, typer.Option("--out", help="The picture's path without its ending.")],
    entropy: Annotated[
        float | None, typer.Option(help="Over time at this entropy (default: over entropy).")
    ] = None,
) -> None:
    """Draw stored samples, a row for the flow and each model: over time, or over entropy."""
    from swflow.datasets import read_dataset
    from swflow.figures import write_figure
    from swflow.pictures import entropies_picture, times_picture

    rows, data = {path.parent.name: path for path in samples}, read_dataset(dataset)
    if entropy is None:
        figure = entropies_picture(data, rows)
    else:
        figure = times_picture(data, rows, entropy)
    write_figure(figure, out)


@app.command()
def shares(benchmarks: Path) -> None:
    """Print each stage's share of the seconds spent, from the pipeline's benchmark files."""
    from swflow.summary import stage_shares

    typer.echo(stage_shares(benchmarks))


def main() -> None:
    """Run a command; what a user can mend ends in one line and exit code 1, SIGTERM in 143."""
    # torch's threads spin for a while after each operation, in the way of those that sort.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    end_on_termination()
    try:
        app()
    except InputError as error:
        sys.exit(f"swflow: error: {error}")
    except TerminatedError as error:
        typer.echo(f"swflow: stopped by SIGTERM: {error}.", err=True)
        sys.exit(EXIT_CODE)


def _named(registry: dict[str, Any], name: str, what: str) -> Any:
    if name not in registry:
        raise InputError(f"{what} {name!r} is unknown: allowed are {', '.join(registry)}.")
    return registry[name]


if __name__ == "__main__":
    main()
