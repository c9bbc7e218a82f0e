"""scikit-learn's handwritten digits: real scans that come with the library."""

import numpy as np
from sklearn.datasets import load_digits

from swflow.datasets.make import RawRows
from swflow.settings import DigitsSettings

URL = "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits"
LICENCE = "CC BY 4.0"


def digits(settings: DigitsSettings, rng: np.random.Generator) -> RawRows:
    """1,797 scans of 8 × 8 pixels in 17 grey levels, dequantised to [0, 17), with labels."""
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8)
    attributes = {"source": URL, "licence": LICENCE}
    return RawRows(x + rng.random(x.shape), y, attributes)
