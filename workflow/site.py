"""What the site adds to docs/: pages made from settings and commands, and committed results.

mkdocs calls `on_files` and `on_page_markdown`. Links that leave docs/ are right on a code host;
here those to results/reference lead to copies, and those to code are left out.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from standing import standing

from swflow.cli.app import app
from swflow.cli.options import described
from swflow.settings import (
    AnyModelSettings,
    DatasetSettings,
    FeatureSettings,
    FlowFamily,
    SampleSettings,
    ScoreSettings,
)
from swflow.study.study import Study

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
SHOWN = ("*.png", "*.gif", "*.md")
# Pages that lie elsewhere in the repository.
ELSEWHERE = {"index.md": ROOT / "README.md", "faults.md": ROOT / "profiles" / "README.md"}
PRESETS = {
    "The study": Study,
    "Datasets": DatasetSettings,
    "Flows": FlowFamily,
    "Models": AnyModelSettings,
    "Features": FeatureSettings,
    "Samples": SampleSettings,
    "Scores": ScoreSettings,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made, and what lies elsewhere."""
    for name, path in ELSEWHERE.items():
        files.append(File.generated(config, name, content=path.read_text()))
    files.append(File.generated(config, "commands.md", content="\n".join(commands())))
    files.append(File.generated(config, "presets.md", content="\n".join(presets())))
    for pattern in SHOWN:
        for path in sorted(REFERENCE.rglob(pattern)):
            place = f"reference/{path.relative_to(REFERENCE).as_posix()}"
            if path.suffix == ".md":
                files.append(File.generated(config, place, content=path.read_text()))
            else:
                files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links as the site has them, and below the first table of a study what has changed since."""
    return _linked(_with_standing(markdown), page)


def _with_standing(markdown: str) -> str:
    studies = sorted(path.parent.name for path in REFERENCE.glob("*/code.json"))
    for study in studies:
        first = rf"<!-- {study}-\w+ -->\n" if study != "default" else r"<!-- images -->\n"
        table = re.compile(first + r".+?<!-- end -->\n", flags=re.DOTALL)
        markdown = table.sub(lambda of, s=study: f"{of[0]}\n*{standing(s)}*\n", markdown, count=1)
    return markdown


def _linked(markdown: str, page: Page) -> str:
    place = page.file.src_uri
    home = ELSEWHERE.get(place, ROOT / "docs" / place).parent
    here = Path(place).parent
    if place.startswith("reference/"):
        home = REFERENCE / Path(place).relative_to("reference").parent

    def linked(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        if re.match(r"https?:|#|mailto:", target):
            return found[0]
        file, _, anchor = target.partition("#")
        to = _in_site((home / file).resolve())
        if to is None:
            return text
        up = "../" * len(here.parts)
        return f"{mark}[{text}]({up}{to}{'#' + anchor if anchor else ''})"

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", linked, markdown)


def _in_site(path: Path) -> str | None:
    """Where a file of the repository is in the site; None where it is not."""
    for name, source in ELSEWHERE.items():
        if path == source:
            return name
    for folder, prefix in ((ROOT / "docs", ""), (REFERENCE, "reference/")):
        if path.is_relative_to(folder) and path.is_file():
            return prefix + path.relative_to(folder).as_posix()
    return None


def commands() -> Iterator[str]:
    """A section for each command: what it does, its arguments and options."""
    yield "# Commands\n"
    yield "`swflow COMMAND --help` says the same, and what settings there are.\n"
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        yield f"## swflow {name}\n\n{(command.help or '').strip()}\n"
        for of in command.params:
            shown = " ".join(of.opts) if of.opts[0].startswith("-") else of.name.upper()
            if "--help" not in of.opts:
                yield f"- `{shown}` {getattr(of, 'help', None) or ''}"
        yield ""


def presets() -> Iterator[str]:
    """Every field of every preset, from the settings themselves."""
    yield "# Presets\n"
    yield (
        "What `config.yaml` may hold. A preset may say `base: other` and what differs; what is not "
        "said has its default.\n"
    )
    for title, annotation in PRESETS.items():
        yield f"## {title}\n"
        for kind, meaning, of_kind in described(annotation):
            yield f"### {kind}\n" if kind else ""
            yield f"{meaning}\n"
            yield "| field | default | what |\n|:--|:--|:--|"
            for of in of_kind:
                yield f"| `{of.name}` | `{of.default}` | {of.meaning} |"
            yield ""
