"""Samples at the end of the flow over entropy."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from swflow.models.draws import Draws
from swflow.report.pictures.common import (
    are_images,
    at_end,
    image_figure,
    most_passes,
    plane_figure,
)
from swflow.representation.dataset import Dataset


def picture(dataset: Dataset, samples: Mapping[str, Sequence[Draws]]) -> Figure:
    """Samples at the end of the flow over entropy, a row for the flow and each of its models.

    Rows without entropy are shown where no other is.
    """
    shown, without = {}, {}
    for name, given in samples.items():
        ends = at_end(most_passes(given))
        if ends[0].condition.entropy is None:
            without[name] = {"": ends[0]}
        else:
            shown[name] = {f"ε = {d.condition.entropy:g}": d for d in ends}
    figure = image_figure if are_images(dataset.units) else plane_figure
    return figure(dataset, shown or without)
