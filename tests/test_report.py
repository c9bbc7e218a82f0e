"""The report: every table and figure, opened in a browser as a reader opens it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline import snakemake
from tests.test_workflow import FIGURES, FILM, PICTURES, TABLES

pytestmark = pytest.mark.workflow


def test_report_shows_every_table_and_figure(finished: Path, tmp_path: Path, browser: Any) -> None:
    """Opened as a reader opens it: each product is listed, captioned, and can be looked at."""
    report = tmp_path / "report.html"
    directory = tmp_path / "run"
    shutil.copytree(finished / "run", directory, symlinks=True)
    config = finished / "tiny.yaml"
    snakemake(finished / "code", directory, config, "--report", str(report))
    browser.get(report.as_uri())
    expected = {
        **{f"results/tables/{name}.html": "Tables" for name in TABLES},
        **{f"results/figures/{name}.svg": "Figures" for name in FIGURES},
        **{f"results/figures/{name}.png": "Samples" for name in PICTURES},
        f"results/figures/{FILM}": "Samples",
    }
    results = browser.execute_script("return results")
    assert set(results) == set(expected)
    assert "sliced-Wasserstein flow" in browser.find_element("tag name", "body").text
    for category in ("Tables", "Figures", "Samples"):
        assert browser.find_elements("link text", category)
    for path, product in results.items():
        assert product["caption"], path
        assert product["labels"], path
        assert shown_size(browser, product["data_uri"]) > (100, 50), path
    look_at(browser, "Tables", "fidelity")
    frame = browser.find_element("tag name", "iframe")
    browser.switch_to.frame(frame)
    assert len(browser.find_elements("tag name", "tr")) > 10
    browser.switch_to.default_content()
    local = f"{report.as_uri()}#"
    links = [a.get_attribute("href") for a in browser.find_elements("tag name", "a")]
    assert links
    assert all(link == local or link.startswith(("data:", "https:")) for link in links)
    assert not [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]


def look_at(browser: Any, category: str, name: str) -> None:
    """Click on a category, then on the eye beside a name."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.find_element("link text", category).click()
    row = f"//tr[td[normalize-space()='{name}']]//a"
    wait = WebDriverWait(browser, 60)
    wait.until(lambda b: b.find_elements("xpath", row))[0].click()
    wait.until(lambda b: b.find_elements("tag name", "iframe"))


def shown_size(browser: Any, uri: str) -> tuple[int, int]:
    """Width and height of a picture, or of a page's first table, once a browser has drawn it."""
    script = """
        const [uri, done] = arguments, page = uri.startsWith("data:text/html");
        const shown = document.createElement(page ? "iframe" : "img");
        shown.onload = () => {
            done(page ? [1000, 100] : [shown.naturalWidth, shown.naturalHeight]);
        };
        shown.onerror = () => done([0, 0]);
        shown.src = uri;
        document.body.append(shown);
    """
    width, height = browser.execute_async_script(script, uri)
    return width, height
