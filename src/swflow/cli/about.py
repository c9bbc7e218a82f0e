"""Commands about the installation, configs and products: nothing is computed."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml


def doctor(
    folder: Annotated[Path, typer.Argument(help="Where studies are run.")] = Path(),
) -> None:
    """Say what is there to run studies with, what is missing, and how to get it."""
    from swflow.runtime.doctor import findings

    for finding in findings(folder):
        remedy = f"; {finding.remedy}" if finding.remedy else ""
        typer.echo(f"{finding.what}: {finding.found}{remedy}")


def verify(
    results: Annotated[Path, typer.Argument(help="Folder of a study's products.")] = Path(
        "results"
    ),
) -> None:
    """Read every product of a study: say what is damaged, unfinished, stale or foreign.

    Ends with exit code 1 where anything is.
    """
    from swflow.stages.verify import Products

    products = Products(results)
    found = 0
    for finding in products.findings():
        found += 1
        typer.echo(f"{finding.state}: {finding.path}: {finding.says}; {finding.remedy}.")
    n = sum(map(len, products.products().values()))
    typer.echo(f"{n} products read in {results}: {found or 'nothing'} to mend.")
    if found:
        raise typer.Exit(1)


def status(
    folder: Annotated[
        Path, typer.Argument(help="Where snakemake runs (its --directory).")
    ] = Path(),
) -> None:
    """Say where a study stands: jobs done, running and left; time, memory and disk by stage.

    Ends with exit code 1 where jobs failed.
    """
    from datetime import datetime

    from swflow.stages.status import Status, described

    found = Status.of(folder)
    for line in described(found, datetime.now()):
        typer.echo(line)
    if found.run.failed:
        raise typer.Exit(1)


def presets(
    configs: Annotated[
        list[Path], typer.Argument(help="Config files, later ones over earlier ones.")
    ] = [Path("config.yaml")],
) -> None:
    """List a study's presets, what of each differs from the defaults, and what is combined."""
    from swflow.settings import parse_settings
    from swflow.study.configs import merged
    from swflow.study.study import Study

    study: Study = parse_settings(Study, merged(configs), ", ".join(map(str, configs)))
    for section in ("datasets", "flows", "models"):
        typer.echo(f"{section}:")
        for name, preset in getattr(study, section).items():
            typer.echo(f"  {name}: {_changed(preset)}")
    typer.echo("experiments:")
    for of in study.experiments:
        typer.echo(f"  {of.dataset} by {of.flow}: {', '.join(of.models) or 'the flow alone'}")


def _changed(preset: Any) -> str:
    """A preset's kind and the fields that were set, as a config would say them."""
    said = preset.model_dump(mode="json", exclude_unset=True)
    kind = getattr(preset, "kind", None)
    shown = yaml.safe_dump(
        said if kind is None else {"kind": kind, **said},
        sort_keys=False,
        default_flow_style=True,
        width=10**6,
    )
    return shown.strip()
