"""The pipeline run by Snakemake itself on a tiny study, and what each change plans."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[1]
TINY = yaml.safe_load((ROOT / "tests" / "tiny.yaml").read_text())
CODE = ("Snakefile", "config.yaml", "workflow", "profiles", "src")
BELOW_SIMULATE = {
    *("simulate", "train", "sample", "score", "collect", "tabulate", "plot", "picture", "strip")
}
TABLES = (
    *("overview", "fidelity", "labels", "generation", "regularisation", "memorisation"),
    *("twin", "cost", "gaussian", "optimal_map"),
)
FIGURES = (
    *("convergence", "fidelity", "regularisation", "memorisation", "generalisation", "control"),
    "quality_over_cost",
)
PICTURES = [
    *("samples/eight/short/entropy0", "samples/eight/short/entropy0.1", "strips/eight/short"),
    *("samples/normal/short/entropy0", "samples/normal/short/entropy0.1", "strips/normal/short"),
    "samples/eight/classes/entropy0",
]

pytestmark = pytest.mark.workflow


def snakemake(root: Path, directory: Path, config: Path | list[Path], *options: str) -> str:
    """Run the copy of the project in `root`; return its output."""
    config = config if isinstance(config, list) else [config]
    binaries = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root / "src"),
    }
    where = ["-s", str(root / "Snakefile"), "--directory", str(directory)]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *where]
    run = subprocess.run(
        [*command, *options, "--configfile", *map(str, config)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    output = run.stdout + run.stderr
    assert run.returncode == 0, output
    return output


def write_config(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study, complete: code below `code`, products below `run`."""
    root = tmp_path_factory.mktemp("workflow")
    for name in CODE:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (root / "code").mkdir(exist_ok=True)
        copy(source, root / "code" / name)
    config = write_config(root / "tiny.yaml", TINY)
    output = snakemake(root / "code", root / "run", config)
    assert "| stage" in output  # each stage's share
    return root


@pytest.fixture
def plan(finished: Path, tmp_path: Path) -> Callable[..., dict[str, int]]:
    """Dry-run with another config or other code: jobs planned for each rule."""

    def planned(
        config: dict[str, Any] | str = TINY, edit: Callable[[Path], None] | None = None
    ) -> dict[str, int]:
        code = finished / "code"
        if edit:
            code = tmp_path / "code"
            shutil.copytree(finished / "code", code)
            edit(code)
        path = tmp_path / "config.yaml"
        path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
        output = snakemake(code, finished / "run", path, "--dry-run")
        if "Nothing to be done" in output:
            return {}
        table = output.split("Job stats:")[1].split("\n\n")[0]
        counts = dict(re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE))
        return {rule: int(n) for rule, n in counts.items() if rule not in ("all", "total")}

    return planned


def changed(section: str, preset: str, **fields: Any) -> dict[str, Any]:
    return TINY | {section: TINY[section] | {preset: TINY[section][preset] | fields}}


def test_study_makes_every_table_figure_and_log(finished: Path) -> None:
    results = finished / "run" / "results"
    for table in TABLES:
        assert len(pd.read_csv(results / "tables" / f"{table}.csv"))
        for ending in ("md", "tex", "html"):
            assert (results / "tables" / f"{table}.{ending}").stat().st_size
    for figure in (*FIGURES, *PICTURES):
        assert (results / "figures" / f"{figure}.png").stat().st_size > 5000
        assert (results / "figures" / f"{figure}.svg").stat().st_size > 5000
    assert not list(results.rglob("*.partial"))
    products = [*results.glob("flows/*/*/*/*.zarr"), *results.glob("models/*/*/*/seed*")]
    assert len(products) == 12 + 2 * len(TINY["models"])
    for product in products:
        stage = "simulate" if product.suffix else "train"
        relative = product.relative_to(results / ("flows" if product.suffix else "models"))
        assert (results / "logs" / stage / relative.with_suffix(".log")).is_file()


def test_metrics_hold_every_row_with_its_floor(finished: Path) -> None:
    metrics = pd.read_csv(finished / "run" / "results" / "metrics.csv")
    assert set(metrics["model"]) == {"particles", "test_set", *TINY["models"]}
    assert set(metrics["seed"]) == {0, 1}
    fidelity = metrics[metrics["metric"].isin(["sw2", "c2st", "sw2_large"])]
    assert fidelity["floor"].notna().all()
    assert set(fidelity.loc[fidelity["model"] == "map", "entropy"]) == {0.0}
    assert set(fidelity.loc[fidelity["model"] == "ode", "passes"]) == {1, 4}
    for model in ("particles", "ode"):
        assert set(fidelity.loc[fidelity["model"] == model, "entropy"]) == {0.0, 0.1}
    assert metrics["value"].notna().all()


def test_second_run_plans_nothing(plan: Callable[..., dict[str, int]]) -> None:
    assert plan() == {}


def test_spelling_of_the_config_plans_nothing(plan: Callable[..., dict[str, int]]) -> None:
    turned = {key: TINY[key] for key in reversed(TINY)}
    flow = dict(reversed(turned["flows"]["short"].items())) | {"horizon": 2.0, "n_directions": 8}
    text = yaml.safe_dump(turned | {"flows": TINY["flows"] | {"short": flow}}, sort_keys=False)
    assert "horizon: 2.0" in text
    assert plan("# a comment\n" + text) == {}


def test_comment_in_the_code_plans_nothing(plan: Callable[..., dict[str, int]]) -> None:
    def comment(code: Path) -> None:
        for path in (code / "src" / "swflow").rglob("*.py"):
            path.write_text("# a comment\n" + path.read_text())

    assert plan(edit=comment) == {}


def test_changed_model_preset_plans_that_model_and_what_follows(
    plan: Callable[..., dict[str, int]],
) -> None:
    planned = plan(changed("models", "map", training={"steps": 21, "batch_size": 64}))
    assert planned == {
        **{"train": 2, "sample": 2, "score": 2, "collect": 1},
        **{"tabulate": 1, "plot": 1, "picture": 2, "strip": 1},
    }


def test_edited_flow_code_plans_simulation_and_below(plan: Callable[..., dict[str, int]]) -> None:
    def edit(code: Path) -> None:
        path = code / "src" / "swflow" / "flow.py"
        path.write_text(
            path.read_text().replace("yield snapshot(0.0, 0.0)", "yield snapshot(0.0, 1.0)")
        )

    planned = plan(edit=edit)
    assert set(planned) == BELOW_SIMULATE
    assert planned["simulate"] == 12
    assert planned["train"] == 2 * len(TINY["models"])


def test_new_kind_of_model_plans_nothing_old(plan: Callable[..., dict[str, int]]) -> None:
    def add(code: Path) -> None:
        models = code / "src" / "swflow" / "models"
        kind = (models / "gaussian_fit.py").read_text().replace('"gaussian_fit"', '"gaussian_two"')
        (models / "gaussian_two.py").write_text(kind)
        settings = code / "src" / "swflow" / "settings" / "models.py"
        text = settings.read_text()
        text = text.replace(
            "ModelKind = ",
            "class GaussianTwoSettings(FlowModelSettings):\n"
            '    kind: Literal["gaussian_two"] = "gaussian_two"\n\n\n'
            "ModelKind = GaussianTwoSettings | ",
        )
        settings.write_text(text)

    two = TINY | {"models": TINY["models"] | {"two": {"kind": "gaussian_two", "entropies": [0]}}}
    assert plan(two, edit=add) == {}


def test_new_entropy_simulates_that_one_alone(plan: Callable[..., dict[str, int]]) -> None:
    planned = plan(changed("flows", "short", entropies=[0.0, 0.1, 0.3]))
    assert planned["simulate"] == 4  # two datasets, two seeds
    assert "train" not in planned
    assert "prepare" not in planned


def test_two_experiments_that_share_a_flow_simulate_it_once(
    plan: Callable[..., dict[str, int]],
) -> None:
    more = {"dataset": "eight", "flow": "short", "models": ["other"]}
    other = TINY["models"]["fit"] | {"entropies": [0.0, 0.1]}
    config = TINY | {
        "models": TINY["models"] | {"other": other},
        "experiments": [*TINY["experiments"], more],
    }
    planned = plan(config)
    assert "simulate" not in planned
    assert planned["train"] == planned["sample"] == planned["score"] == 2


def test_new_dataset_plans_nothing_of_the_others(plan: Callable[..., dict[str, int]]) -> None:
    sizes = {"n_train": 50, "n_heldout": 20, "n_test": 20}
    config = TINY | {
        "datasets": TINY["datasets"] | {"moons": {"kind": "moons", **sizes}},
        "experiments": [*TINY["experiments"], {"dataset": "moons", "flow": "short"}],
    }
    planned = plan(config)
    assert planned["prepare"] == 1
    assert planned["simulate"] == 4
    assert "train" not in planned


def test_faulty_config_stops_before_any_job(finished: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "bad.yaml", changed("flows", "short", n_direction=4))
    with pytest.raises(AssertionError, match=r"flows.short.n_direction: unknown key. Did you mean"):
        snakemake(finished / "code", tmp_path / "run", config)
    assert not (tmp_path / "run" / "results").exists()


def test_tables_alone_are_rebuilt_on_request(finished: Path, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    shutil.copytree(finished / "run", directory, symlinks=True)
    (directory / "results" / "tables" / "cost.csv").unlink()
    (directory / "results" / "figures" / "fidelity.png").unlink()
    output = snakemake(finished / "code", directory, finished / "tiny.yaml", "tables")
    assert "rule tabulate" in output
    assert "rule plot" not in output
    assert (directory / "results" / "tables" / "cost.csv").is_file()


@pytest.fixture
def browser() -> Iterator[Any]:
    """Headless Chromium, driven by Selenium; from Debian: chromium and chromium-driver."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium and chromedriver here: install chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    ):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()


def test_report_shows_every_table_and_figure(finished: Path, tmp_path: Path, browser: Any) -> None:
    """Opened as a reader opens it: each product is listed, captioned, and can be looked at."""
    report = tmp_path / "report.html"
    snakemake(finished / "code", finished / "run", finished / "tiny.yaml", "--report", str(report))
    browser.get(report.as_uri())
    expected = {
        **{f"results/tables/{name}.html": "Tables" for name in TABLES},
        **{f"results/figures/{name}.svg": "Figures" for name in FIGURES},
        **{f"results/figures/{name}.png": "Samples" for name in PICTURES},
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


@pytest.mark.parametrize(
    ("study", "simulations"),
    [("paper", 84), ("ablation", 36), ("generalisation", 36), ("rivals", 87)],
)
def test_longer_studies_can_be_planned(study: str, simulations: int, tmp_path: Path) -> None:
    config = ROOT / "workflow" / "configs" / f"{study}.yaml"
    output = snakemake(ROOT, tmp_path / "run", config, "--dry-run")
    assert re.search(rf"^simulate\s+{simulations}$", output, flags=re.MULTILINE)


def test_more_compute_trains_on_the_flows_of_the_long_study(tmp_path: Path) -> None:
    configs = [ROOT / "workflow" / "configs" / f"{name}.yaml" for name in ("paper", "compute")]
    output = snakemake(ROOT, tmp_path / "run", configs, "--dry-run")
    assert re.search(r"^simulate\s+21$", output, flags=re.MULTILINE)
    assert re.search(r"^train\s+6$", output, flags=re.MULTILINE)
