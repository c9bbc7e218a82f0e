"""Copy a study's tables and pictures to results/reference, and short tables to pages of docs/.

Run by `make reference` after `make results`, by `make reference-paper` after `make paper`. On the
pages each block between `<!-- NAME -->` and `<!-- end -->` is replaced, also by the tables of
`make benchmarks`; nothing else is.
"""

import argparse
import gzip
import json
import re
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
from standing import FILE, digests

from swflow.report.methods import methods_table
from swflow.report.tables.common import readable
from swflow.runtime.provenance import machine, versions
from swflow.stages.collect import stage_shares

IN_PIXELS = (
    *("mnist_pixels", "fashion_pixels", "cifar10_pixels"),
    *("images_gpu_minutes", "images_gpu"),
)
IMAGE_STUDIES = ("directions", "mnist", "fashion", "cifar10", *IN_PIXELS)
COMMANDS = {"default": "make results"} | {
    study: f"make {study}"
    for study in (
        "paper",
        "ablation",
        "rivals",
        "study",
        "discretisation",
        "study_images",
        "study_sizes",
        "memorisation",
        "memorisation_fashion",
        "inpainting",
        "repeatability",
        *IMAGE_STUDIES,
    )
}
DOCS = Path("docs")
BENCHMARKS = (
    "drift-cpu",
    "size",
    "structured",
    "target-batch",
    "pairs",
    "local-cpu",
    "inference",
    "drift-gpu",
    "local-gpu",
    "determinism",
    "machines",
    "processes",
    "scale",
    "line",
    "limit-map",
    "fuzzing",
    "soak",
)  # made by `make benchmarks`, `fuzz` and `soak`, after the default study, and on a GPU
STUDY_TABLES = {
    "paper": ("overview",),
    "ablation": ("overview",),
    "rivals": ("optimal_map",),
    "study": ("paths", "matched", "planted"),
    "discretisation": ("discretisation", "settling"),
    "study_images": ("paths", "matched", "planted"),
    "study_sizes": ("paths", "matched", "planted"),
    "memorisation": ("copying", "copying_power", "planted", "disjoint"),
    "memorisation_fashion": ("copying", "planted"),
    "inpainting": ("completion", "images"),
    "repeatability": ("repeatability",),
    **dict.fromkeys(IMAGE_STUDIES, ("images",)),
}
COST = [
    *("dataset", "teacher", "entropy", "model", "seconds_per_1000", "sw_few", "evaluations"),
    *("stored_bytes", "break_even_rows", "faster_than_particles"),
    *("faster_than_particles_carried", "faster_than_particles_shared"),
]
IMAGES = [
    *("ratio", "ratio_error", "agreement", "sharpness"),
    *("feature_copied", "pixel_copied", "feature_coverage"),
]
GENERATION = ["sw_test", "w2_test", "c2st_test", "coverage", "memorisation_a"]
SHOWN_LEVELS = (1.1,)
SPENT = ["seconds_per_1000", "train_seconds", "stored_bytes"]
# The same digits, by an autoencoder and without: the study and its dataset.
BOTH_WAYS = {"mnist": "mnist_32", "mnist_pixels": "mnist"}
QUALITY = ["ratio", "agreement", "sharpness", "pixel_copied"]
BOTH_COST = ["simulate_seconds", *SPENT, "decoder_bytes"]


def copy_products(results: Path, reference: Path, leave_out: str) -> None:
    """Tables as CSV and Markdown; figures as PNG but for one folder, numeric ones as SVG, too."""
    for folder in ("tables", "figures"):
        shutil.rmtree(reference / folder, ignore_errors=True)
        (reference / folder).mkdir(parents=True)
    for path in [*results.glob("tables/*.csv"), *results.glob("tables/*.md")]:
        shutil.copy(path, reference / "tables" / path.name)
    figures = results / "figures"
    for path in [*figures.glob("*.svg"), *figures.rglob("*.png"), *figures.rglob("*.gif")]:
        if path.relative_to(figures).parts[0] == leave_out:
            continue
        name = "-".join(path.relative_to(figures).parts)
        shutil.copy(path, reference / "figures" / name)


def keep_metrics(results: Path, reference: Path) -> None:
    """All scores, packed: tables and numeric figures can be made of them again."""
    packed = gzip.compress((results / "metrics.csv").read_bytes(), mtime=0)
    (reference / "metrics.csv.gz").write_bytes(packed)


def keep_code(study: str, reference: Path) -> None:
    """The day, and the digests of the code that is here: run it where the study ran."""
    said = {"computed": date.today().isoformat(), "digests": digests(study)}
    (reference / FILE).write_text(json.dumps(said, indent=1) + "\n")


def made_by(study: str, shares: str) -> str:
    """Machine, versions and command."""
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    return (
        f"# The {study} study\n\n"
        f"Made by `{COMMANDS[study]}` and copied by workflow/reference.py.\n\n"
        f"- machine: {machine()}\n- versions: {found}\n"
        f"- seconds by stage, summed over jobs:\n\n{shares}\n"
    )


def default_blocks(results: Path, shares: str) -> dict[str, str]:
    """What its page shows: of long tables the rows with models."""
    tables = {path.stem: pd.read_csv(path) for path in results.glob("tables/*.csv")}
    fidelity = tables["fidelity"]
    ends = fidelity.groupby(["dataset", "teacher"])["time"].transform("max") == fidelity["time"]
    tables["fidelity"] = fidelity[ends].drop(columns=["passes", "trained"])
    tables.pop("memorisation")  # at every time: too long
    for name in ("generation", "regularisation", "cost"):
        table = tables[name][tables[name]["dataset"].isin(fidelity["dataset"])]
        tables[name] = table[COST] if name == "cost" else table.drop(columns="passes")
    twin = tables["twin"]
    ends = twin.groupby(["dataset", "teacher"])["time"].transform("max") == twin["time"]
    tables["twin"] = twin[ends]
    tables["images"] = images(tables["images"])
    return {name: markdown(table) for name, table in tables.items()} | {"shares": shares}


def images(table: pd.DataFrame) -> pd.DataFrame:
    """Images of real rows, at the end of flows and of what knows no time: the main columns."""
    flows = table.groupby(["dataset", "teacher", "entropy"], dropna=False)["time"]
    ends = table["time"].isna() | (flows.transform("max") == table["time"])
    keys = ["dataset", "teacher", "entropy", "model", "passes", "time"]
    return with_spread(table[ends], keys, IMAGES)


def with_spread(table: pd.DataFrame, keys: list[str], names: list[str]) -> pd.DataFrame:
    """These columns, each with its deviation or interval where it has one."""
    shown = [name + of for name in names for of in ("", "_std", "_low", "_high")]
    return table[[*keys, *(name for name in shown if name in table)]]


def markdown(table: pd.DataFrame) -> str:
    """A table as pages show it."""
    return str(readable(table).to_markdown(index=False, disable_numparse=True))


def study_blocks(study: str, results: Path) -> dict[str, str]:
    """Of a longer study the short tables, `STUDY-TABLE`."""
    shown = {name: pd.read_csv(results / "tables" / f"{name}.csv") for name in STUDY_TABLES[study]}
    if "images" in shown:
        shown["images"] = images(shown["images"])
    if "matched" in shown:
        shown["matched"] = matched(shown["matched"])
    if "disjoint" in shown:
        shown["disjoint"] = every_fourth_time(shown["disjoint"])
    if study == "rivals":
        shown["methods"] = methods(pd.read_csv(results / "metrics.csv"))
    blocks = {f"{study}-{name}": markdown(table) for name, table in shown.items()}
    if "repeatability" in shown:
        wide = over_time(shown["repeatability"])
        blocks[f"{study}-repeatability"] = str(wide.to_markdown(disable_numparse=True))
    return blocks


def over_time(table: pd.DataFrame) -> pd.DataFrame:
    """Repeatability, a row for each flow and a column for each time."""
    text = readable(table).assign(order=table["time"])
    times = dict(zip(text["order"], "τ = " + text["time"], strict=True))
    keys = ["teacher", "simulate seconds"]
    wide = text.pivot_table(index=keys, columns="order", values="repeatability", aggfunc="first")
    return wide.rename(columns=times).reset_index("simulate seconds")


def latent_and_pixels(root: Path) -> dict[str, str]:
    """Both studies in one table: real images, and the end of flows at the smallest entropy."""
    tables = []
    for study, dataset in BOTH_WAYS.items():
        folder = root / study / "tables"
        if not folder.is_dir():
            return {}
        keys = ["dataset", "teacher", "entropy", "model", "passes"]
        table = images(pd.read_csv(folder / "images.csv"))
        table = table.merge(pd.read_csv(folder / "cost.csv"), on=keys, how="left")
        tables.append(table[table["dataset"] == dataset])
    joined = pd.concat(tables).drop_duplicates(["model", "passes", "entropy", "ratio"])
    least = joined["entropy"].isna() | (joined["entropy"] == 0)
    least &= (joined["teacher"] != "data") | joined["model"].str.contains(" images")
    keys = ["dataset", "teacher", "model", "passes", "time"]
    return {"latent-pixels": markdown(with_spread(joined[least], keys, QUALITY + BOTH_COST))}


def matched(table: pd.DataFrame) -> pd.DataFrame:
    """Kinds at one distance."""
    return table[table["farther"].isin(SHOWN_LEVELS)]


def every_fourth_time(table: pd.DataFrame) -> pd.DataFrame:
    """Of each flow and model every fourth time, from the last."""
    rows = table.groupby(["dataset", "teacher", "entropy", "model", "passes"])["time"]
    return table[(rows.rank(ascending=False) - 1) % 4 == 0]


def methods(metrics: pd.DataFrame) -> pd.DataFrame:
    """Quality beside cost, the nearest to test rows first."""
    table = methods_table(metrics).sort_values(["dataset", "sw_test"])
    shown = [f"{name}{suffix}" for name in GENERATION for suffix in ("", "_std")]
    return table[["dataset", "teacher", "model", "passes", *shown, *SPENT]]


def benchmark_blocks(folder: Path) -> dict[str, str]:
    """The table of each benchmark's page."""
    return {
        name: "\n".join(
            line for line in (folder / f"{name}.md").read_text().splitlines() if line[:1] == "|"
        )
        for name in BENCHMARKS
    }


def fill(blocks: dict[str, str]) -> None:
    """Replace blocks of pages. Raises SystemExit where one is not there exactly once."""
    pages = {path: path.read_text() for path in DOCS.rglob("*.md")}
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", flags=re.DOTALL)
        places = [path for path, text in pages.items() for _ in pattern.finditer(text)]
        if len(places) != 1:
            raise SystemExit(f"docs/ has {len(places)} blocks named {name}, needed is one.")
        pages[places[0]] = pattern.sub(lambda m, b=block: f"{m[1]}{b}\n{m[2]}", pages[places[0]])
    for path, text in pages.items():
        if text != path.read_text():
            path.write_text(text)


def main() -> None:
    """Copy, describe, and fill the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", choices=COMMANDS)
    parser.add_argument("results", type=Path)
    arguments = parser.parse_args()
    reference = Path("results/reference") / arguments.study
    shares = stage_shares(arguments.results / "benchmarks")
    default = arguments.study == "default"
    # Of the longer studies' many pictures the strips over entropy are enough.
    copy_products(arguments.results, reference, "" if default else "samples")
    keep_metrics(arguments.results, reference)
    keep_code(arguments.study, reference)
    (reference / "README.md").write_text(made_by(arguments.study, shares))
    if default:
        benchmarks = benchmark_blocks(reference.parent / "benchmarks")
        fill(default_blocks(arguments.results, shares) | benchmarks)
    else:
        blocks = study_blocks(arguments.study, arguments.results)
        if arguments.study in BOTH_WAYS:
            blocks |= latent_and_pixels(reference.parent)
        fill(blocks)


if __name__ == "__main__":
    main()
