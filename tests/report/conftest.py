"""What tests of figures share."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Close what a test drew: pyplot warns of many, in whichever test comes next."""
    yield
    plt.close("all")
