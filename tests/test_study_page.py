"""docs/study.md: every number of a finding is one of the table of its section."""

import re

import numpy as np
import pandas as pd
import pytest

from tests.pipeline import ROOT

REFERENCE = ROOT / "results" / "reference"
SECTIONS = (ROOT / "docs" / "study.md").read_text().split("\n## ")[1:]
FOUND = [text for text in SECTIONS if "**Finding.**" in text]
# Studies of copying: held-out rows must be no copies, and copies must be found.
COPYING = ["study", "study_images", "study_sizes", "memorisation", "memorisation_fashion"]
NUMBER = re.compile(r"(?<![\w.])−?\d[\d,]*\.?\d*|(?<![\w.\d])−?\.\d+")


def title(section: str) -> str:
    return section.splitlines()[0]


def known(section: str) -> np.ndarray:
    """All numbers of the tables whose blocks are in a section; of benchmarks, as they are shown."""
    blocks = dict(re.findall(r"<!-- ([a-z_-]+) -->\n(.*?)<!-- end -->", section, flags=re.DOTALL))
    assert blocks, section
    found = []
    for block, shown in blocks.items():
        study, _, name = block.partition("-")
        path = REFERENCE / study / "tables" / f"{name}.csv"
        if path.is_file():
            found.append(pd.read_csv(path).select_dtypes("number").to_numpy().ravel())
        else:
            assert (REFERENCE / "benchmarks" / f"{block}.md").is_file(), block
            found.append(np.array([float(text.replace(",", "")) for text in NUMBER.findall(shown)]))
    values = np.concatenate(found)
    return values[np.isfinite(values)]


def numbers(section: str) -> list[str]:
    """Of the paragraph that says what was found."""
    finding = section.split("**Finding.**")[1].split("\n\n")[0]
    return NUMBER.findall(finding)


def is_among(text: str, values: np.ndarray) -> bool:
    """Whether a value is this number as it is written, or its percentage."""
    plain = text.replace("−", "-").replace(",", "").rstrip(".")
    places = len(plain.partition(".")[2])
    near = np.concatenate([values, 100 * values])
    return bool((np.abs(near - float(plain)) <= 0.5001 * 10.0**-places).any())


@pytest.mark.parametrize("section", FOUND, ids=map(title, FOUND))
def test_numbers_of_findings_are_those_of_tables(section: str) -> None:
    said, values = numbers(section), known(section)
    assert said, "a finding without a number"
    assert not [text for text in said if not is_among(text, values)]


def test_numbers_in_short_are_those_of_the_tables_below() -> None:
    (short,) = (text for text in SECTIONS if title(text) == "In short")
    values = np.concatenate([known(section) for section in FOUND])
    said = NUMBER.findall(short)
    assert said
    assert not [text for text in said if not is_among(text, values)]


@pytest.mark.parametrize("study", COPYING)
def test_controls_hold_in_every_space_where_copies_are_looked_for(study: str) -> None:
    scores = pd.read_csv(REFERENCE / study / "metrics.csv.gz", low_memory=False)
    for space in ("", "feature_", "pixel_"):
        for statistic, fresh in (("memorisation_a", 0.5), ("copied", 0.0)):
            found = of_each_dataset(scores, space + statistic)
            if found.empty:
                assert space, "the rows themselves are always looked at"
                continue
            error = of_each_dataset(scores, f"{space}{statistic}_error")
            # Seeds share the rows. Of 100 values one in a thousand is beyond 3.3 by chance.
            assert ((found - fresh).abs() < 3.3 * error).loc["test_set"].all(), (space, statistic)
            assert (found - 1.96 * error > fresh).loc["copier"].all(), (space, statistic)


def of_each_dataset(scores: pd.DataFrame, metric: str) -> pd.Series:
    """Of fresh rows and of copies: the mean over seeds, by (model, dataset)."""
    model = scores["model"].replace("copier_of_class", "copier")
    chosen = scores[(scores["metric"] == metric) & model.isin(["test_set", "copier"])]
    return chosen.groupby([model, "dataset"])["value"].mean()


def test_a_number_that_is_in_no_table_is_found() -> None:
    values = np.array([0.2512, 31.0])
    assert is_among(".25", values)
    assert is_among("31", values)
    assert is_among("25", values)  # in percent
    assert not is_among(".26", values)
    assert not is_among("12", values)
