"""Samples over time at one entropy."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from swflow.models.draws import Draws
from swflow.report.pictures.common import (
    are_images,
    image_figure,
    most_passes,
    panel_labels,
    plane_figure,
    spread,
)
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError


def picture(dataset: Dataset, samples: Mapping[str, Sequence[Draws]], entropy: float) -> Figure:
    """Samples over time at one entropy, a row for the flow and for each model that has it.

    Models of the data alone, without entropy, are shown beside the end of the flow.

    dataset: for units and real rows. samples: stored draws by row name. Row i of a sample starts
    at one source point at all times. Images are shown as images, anything else as its first two
    coordinates. Raises InputError where nothing was drawn at that entropy.
    """
    rows, ends = {}, {}
    for name, given in samples.items():
        draws = most_passes(given)
        known = [d for d in draws if d.condition.entropy is not None]
        if own := [
            d for d in known if math.isclose(d.condition.entropy or 0, entropy, rel_tol=1e-5)
        ]:
            rows[name] = own
        elif not known:
            ends[name] = draws[-1]
    if not rows:
        raise InputError(f"no sample file has samples at entropy {entropy:g}.")
    shown = {
        name: {f"τ = {d.condition.time:.3g}": d for d in spread(own)} for name, own in rows.items()
    }
    last = panel_labels(shown)[-1]
    shown |= {name: {last: draws} for name, draws in ends.items()}
    if are_images(dataset.units):
        return image_figure(dataset, shown)
    return plane_figure(dataset, shown, paths=rows)
