"""One command for each rule of the pipeline, in the data's order (of images: see `images`)."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from swflow.cli.options import (
    CheckpointSeconds,
    DatasetFile,
    Device,
    Entropies,
    Label,
    Names,
    Out,
    Overrides,
    Passes,
    Quasi,
    References,
    Seed,
    SettingsText,
    Source,
    Sources,
    Times,
    checked_device,
    keep_inputs,
    read_names,
    read_settings,
)
from swflow.runtime.errors import InputError

Metrics = Annotated[Path, typer.Argument(help="metrics.csv of `swflow collect`.")]


def prepare(
    out: Out,
    settings: SettingsText = "{}",
    override: Overrides = [],
    name: Annotated[
        str, typer.Option(help="What scores and tables call it (default: the file's).")
    ] = "",
    images: Annotated[
        Path | None, typer.Option(help="Of latents: the dataset file of the images.")
    ] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="Of latents: the folder of `swflow train-autoencoder`.")
    ] = None,
) -> None:
    """Make or read a dataset: splits in model units, one HDF5 file."""
    from swflow.settings import DatasetSettings
    from swflow.stages.prepare import prepare
    from swflow.store.dataset import read_dataset

    chosen = read_settings(DatasetSettings, settings, override)
    if out.suffix != ".h5":
        raise InputError(f"--out {out}: the ending must be .h5.")
    keep_inputs(out, *chosen.files, images, autoencoder)
    of = None if images is None else read_dataset(images)
    prepare(chosen, name or out.stem, out, images=of, autoencoder=autoencoder)


def simulate(
    dataset: Annotated[Path, typer.Argument(help="Dataset file of `swflow prepare`.")],
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
    from swflow.flow.group import Group
    from swflow.runtime.processes import (
        joined_group,
        local_device,
        start_processes,
        started_by_torchrun,
    )
    from swflow.settings import SimulationSettings
    from swflow.stages.simulate import simulate_dataset
    from swflow.store.dataset import read_dataset

    chosen = read_settings(SimulationSettings, settings, override)
    keep_inputs(out, dataset)
    if processes > 1 and not started_by_torchrun():
        start_processes(processes, sys.argv[1:])
        return
    data = read_dataset(dataset, streamed=chosen.target_batch is not None)
    place = local_device(checked_device(device))
    with joined_group(place) as (rank, size):
        group = Group(rank, size, place)
        simulate_dataset(
            data, chosen, seed, out, place, checkpoint_seconds=checkpoint_seconds, group=group
        )


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
    from swflow.settings import AnyModelSettings
    from swflow.stages.loading import open_runs
    from swflow.stages.train import train
    from swflow.store.dataset import read_dataset

    keep_inputs(out, dataset, *stores)
    train(
        read_settings(AnyModelSettings, settings, override),
        read_dataset(dataset),
        open_runs(stores),
        seed,
        out,
        checked_device(device),
        checkpoint_seconds=checkpoint_seconds,
    )


def sample(
    source: Source,
    out: Out,
    entropy: Entropies = [],
    time: Times = [],
    passes: Passes = [],
    label: Label = None,
    quasi: Quasi = False,
    n: Annotated[int | None, typer.Option("-n", help="How many (default: settings).")] = None,
    complete: Annotated[
        Path | None,
        typer.Option(help="Dataset file whose held-out images a model completes that does so."),
    ] = None,
    settings: SettingsText = "{}",
    override: Overrides = [],
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Draw from a model folder, flow stores or a dataset.

    FILE.h5: at every entropy, time and number of passes asked for (default: all), a group for
    each, in model units. FILE.npy or FILE.png (a grid of images, or points): at one of each
    (default: the end of the flow, the first entropy), in data units.
    """
    from swflow.models.draws import one_condition, sampling_conditions
    from swflow.randomness import keyed_generator
    from swflow.settings import SampleSettings
    from swflow.stages.loading import completing, open_sampler
    from swflow.stages.points import check_ending, write_points
    from swflow.stages.sample import write_samples
    from swflow.store.dataset import read_dataset

    keep_inputs(out, *source, complete)
    sampler = open_sampler(source, checked_device(device))
    if complete is not None:
        sampler = completing(sampler, partial(read_dataset, complete))
    check_ending(out)
    given = [f"n={n}"] if n is not None else []
    n = read_settings(SampleSettings, settings, [*override, *given]).n
    if out.suffix == ".h5":
        conditions = sampling_conditions(sampler, entropy, time, passes, label)
        write_samples(sampler, n, conditions, seed, out, quasi=quasi)
    else:
        condition = one_condition(sampler, entropy, time, passes, label)
        x = sampler.draw(n, condition, keyed_generator(seed, "sample"), quasi).x
        write_points(x.numpy(), sampler.spec.units, out, to_data=True)


def score(
    groups: Annotated[list[str], typer.Argument(help="Groups of metrics.")],
    samples: Annotated[Path, typer.Option(help="Stored samples of `swflow sample`.")],
    out: Annotated[Path, typer.Option("--out", help="Folder; a file for each group.")],
    dataset: DatasetFile,
    source: Sources,
    reference: References = [],
    images: Annotated[
        Path | None, typer.Option(help="Dataset file of the images behind the rows.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="Folder of `swflow train-features` of these images.")
    ] = None,
    disjoint: Annotated[
        list[Path], typer.Option(help="The same as --source, made of other training rows.")
    ] = [],
    settings: SettingsText = "{}",
    override: Overrides = [],
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Score stored samples, and what they were drawn from, against reference runs and real rows.

    Groups whose file is there already, from the same inputs and code, are not computed again.
    """
    from swflow.settings import ScoreSettings
    from swflow.stages.score import Inputs, score

    where = checked_device(device)
    inputs = Inputs(dataset, source, samples, reference, images, features, disjoint, where)
    score(groups, inputs, read_settings(ScoreSettings, settings, override), seed, out)


def time(
    source: Source,
    out: Out,
    dataset: DatasetFile,
    reference: References = [],
    entropy: Entropies = [],
    settings: SettingsText = "{}",
    override: Overrides = [],
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Time draws at the end of the flow, with all threads: run it alone on its machine."""
    from swflow.settings import ScoreSettings
    from swflow.stages.score import Inputs
    from swflow.stages.timing import time_draws

    keep_inputs(out, dataset, *source, *reference)
    inputs = Inputs(dataset, source, references=reference, device=checked_device(device))
    time_draws(inputs, entropy, read_settings(ScoreSettings, settings, override), seed, out)


def collect(
    scores: Annotated[list[Path], typer.Argument(help="Files of `swflow score`, `swflow time`.")],
    out: Out,
) -> None:
    """Gather score files into metrics.csv, with the floor beside each value."""
    from swflow.stages.collect import collect

    keep_inputs(out, *scores)
    collect(scores, out)


def tabulate(
    metrics: Metrics,
    table: Annotated[list[str], typer.Argument(help="Tables, by name.")],
    out: Out,
) -> None:
    """Make tables (CSV, Markdown, LaTeX, HTML) from metrics.csv, in the folder --out."""
    from swflow.stages.collect import read_metrics
    from swflow.stages.tabulate import tabulate

    found = read_metrics(metrics)
    for name in table:
        tabulate(found, name, out)


def plot(
    metrics: Metrics,
    figure: Annotated[list[str], typer.Argument(help="Figures, by name.")],
    out: Out,
    names: Names = "{}",
) -> None:
    """Draw numeric figures (SVG, PNG) from metrics.csv, in the folder --out."""
    from swflow.stages.collect import read_metrics
    from swflow.stages.figures import plot

    found, called = read_metrics(metrics), read_names(names)
    for name in figure:
        plot(found, name, out, called)


def picture(
    samples: Annotated[list[Path], typer.Argument(help="Files …/{row}/seedN.h5, a row each.")],
    dataset: DatasetFile,
    out: Annotated[Path, typer.Option("--out", help="The picture's path without its ending.")],
    entropy: Annotated[
        float | None, typer.Option(help="Over time at this entropy (default: over entropy).")
    ] = None,
    names: Names = "{}",
) -> None:
    """Draw stored samples, a row for the flow and each model: over time, or over entropy."""
    from swflow.stages.pictures import picture
    from swflow.store.dataset import read_dataset

    picture(samples, read_dataset(dataset), out, entropy, read_names(names))
