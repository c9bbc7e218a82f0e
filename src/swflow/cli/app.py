"""The command line's entry: which commands there are, and how they end.

Modules that import torch are imported inside the commands: `swflow --help` starts fast, and a
cluster job that only plans does not pay for it.
"""

import os
import re
import shlex
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from swflow.cli import about, by_hand, images, rules
from swflow.cli.options import fields
from swflow.runtime.errors import InputError
from swflow.runtime.termination import TerminatedError, end_on_termination, stopped_by

# What torch says, in a RuntimeError, on CPUs and on GPUs.
NO_MEMORY = r"allocate memory|out of memory"

app = typer.Typer(
    help="Learn sliced-Wasserstein flows: each command is one stage of the pipeline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def stage(settings: str) -> Callable[[Callable[..., None]], object]:
    """A command of a stage, with settings of a class or of one of several kinds."""

    class StageCommand(TyperCommand):
        """Its help ends with the fields of its settings; only then are those imported."""

        def format_help(self, ctx: Any, formatter: Any) -> None:
            """The help, and the fields."""
            from swflow import settings as known

            self.epilog = fields(getattr(known, settings))
            super().format_help(ctx, formatter)

    return app.command(cls=StageCommand)


# In the data's order.
stage("DatasetSettings")(rules.prepare)
stage("LatentSettings")(images.train_autoencoder)
stage("FeatureSettings")(images.train_features)
stage("SimulationSettings")(rules.simulate)
stage("AnyModelSettings")(rules.train)
stage("SampleSettings")(rules.sample)
stage("ScoreSettings")(rules.score)
stage("ScoreSettings")(rules.time)
app.command()(rules.collect)
app.command()(rules.tabulate)
app.command()(rules.plot)
app.command()(rules.picture)
app.command()(images.neighbours)
app.command()(images.interpolate)
app.command()(images.completions)
app.command()(images.complete)
app.command()(images.inception)
app.command()(by_hand.transport)
app.command()(by_hand.animate)
app.command()(by_hand.export)
app.command()(by_hand.explorer)
app.command()(by_hand.shares)
app.command()(about.status)
app.command()(about.verify)
app.command()(about.presets)
app.command()(about.doctor)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"swflow {version('swflow')}")
        raise typer.Exit


@app.callback()
def common(
    show: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """What stands before every command."""
    if quiet:
        os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is first imported


@app.command()
def batch() -> None:
    """Run commands in one process, which starts once: from standard input, one on each line.

    The first that fails ends all.
    """
    for line in sys.stdin:
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise InputError(f"batch: {line.strip()!r} is no command ({error}).") from error
        if code := app(words, standalone_mode=False):
            raise typer.Exit(code)


def main() -> None:
    """Run a command; what a user can mend ends in one line and exit code 1.

    SIGTERM ends in 143, Ctrl-C in 130.
    """
    # torch's threads spin for a while after each operation, in the way of those that sort.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    end_on_termination()
    try:
        app()
    except InputError as error:
        sys.exit(f"swflow: error: {error}")
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not re.search(NO_MEMORY, str(error)):
            raise
        said = str(error).partition("\n")[0]
        sys.exit(f"swflow: error: not enough memory ({said}): ask for less, or give it more.")
    except TerminatedError as error:
        typer.echo(f"swflow: stopped by {stopped_by().name}: {error}.", err=True)
        os._exit(128 + stopped_by())  # at once: sys.exit would wait for threads that measure
