"""The site: built without network, warnings as errors; every setting and option explained."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from swflow.cli.app import app
from swflow.cli.options import described
from swflow.settings import (
    AnyModelSettings,
    DatasetSettings,
    FlowFamily,
    LatentSettings,
    SampleSettings,
    ScoreSettings,
)
from swflow.study.study import Study
from tests.pipeline import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return folder


def text(page: Path) -> str:
    return html.unescape(page.read_text())


def test_links_of_every_page_lead_somewhere(site: Path) -> None:
    """To files of the site, and to places in them; nothing is fetched to show it."""
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # its links are those of any place
            continue
        for attribute, target in re.findall(r'\b(href|src)="([^"]+)"', text(page)):
            if target.startswith(("https:", "mailto:", "data:")):
                assert attribute == "href", f"{page} fetches {target}"
                continue
            file, _, place = target.partition("#")
            found = (page.parent / file).resolve() if file else page
            found = found / "index.html" if found.is_dir() else found
            assert found.is_file(), f"{page}: {target}"
            if place and found.suffix == ".html":
                assert f'id="{place}"' in text(found), f"{page}: {target}"


def test_pages_are_made_of_settings_commands_and_results(site: Path) -> None:
    presets, commands = (text(site / name / "index.html") for name in ("presets", "commands"))
    assert "twin_scatter" in presets
    assert "Particles of a run." in presets
    assert 'id="swflow-complete"' in commands
    assert "one pass carries a source point" in text(site / "index.html")
    assert (site / "reference" / "default" / "figures" / "images.png").is_file()
    assert "Computed on 20" in text(site / "results" / "default" / "index.html")
    assert "sliced_velocity" in text(site / "api" / "index.html")


@pytest.mark.parametrize(
    "settings",
    [
        Study,
        DatasetSettings,
        FlowFamily,
        AnyModelSettings,
        LatentSettings,
        SampleSettings,
        ScoreSettings,
    ],
)
def test_every_field_says_what_it_is(settings: object) -> None:
    for kind, meaning, of_kind in described(settings):
        assert meaning
        assert not [f"{kind}.{of.name}" for of in of_kind if not of.meaning]


def test_every_option_says_what_it_is() -> None:
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert command.help, name
        assert not [of.name for of in command.params if not getattr(of, "help", None)], name


# Not said by swflow: by the system, and by Snakemake.
OTHERS_SAY = {"No space left on device", "Directory cannot be locked"}


def test_the_messages_explained_are_those_of_the_code() -> None:
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    joined = re.sub(r'"\s*\n\s*f?"', "", code)  # a message may be written on several lines
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    explained = re.findall(r"^\| (`.+?) \|", page, flags=re.MULTILINE)
    messages = {said for cell in explained for said in re.findall(r"`([^`]+)`", cell)}
    assert len(messages) > 10
    assert {said for said in messages if said not in joined} == OTHERS_SAY
