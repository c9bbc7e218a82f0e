"""Results of former versions: named with what to remove, and never mixed with new ones."""

from pathlib import Path

from swflow.runtime.errors import InputError


def refuse_former_results(folder: str | Path) -> None:
    """Raise InputError where a results folder holds scores of the former layout.

    They were one file for each row and seed, `…/seedN.json`. Stores, samples and models say their
    format themselves.
    """
    found = sorted(Path(folder).glob("scores/*/*/*/seed*.json"))
    if found:
        raise InputError(
            f"{found[0]} and {len(found) - 1} more: scores of a former version, one file for all "
            f"metrics. Remove {Path(folder) / 'scores'} (and what else you do not want to keep of "
            f"{folder}), then run snakemake again."
        )
