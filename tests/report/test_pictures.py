"""Pictures of samples: what stands in them, and in which order."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from swflow.models.draws import Draws
from swflow.models.spec import Condition
from swflow.report.pictures import common
from swflow.report.pictures.common import by_class, pixels, strip
from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset, Split
from swflow.stages.pictures import animate
from swflow.stages.points import write_points

UNITS = Affine(np.zeros((3, 4, 4)), 1.0, (3, 4, 4), (0.0, 1.0))
RED = np.zeros((3, 4, 4), np.float32)
RED[0] = 1


def test_classes_stand_in_order_and_begin_anew_where_one_is_small() -> None:
    label = np.array([7, 3, 7, 7, 3, 7])
    first, second, third = by_class(label, 3)
    assert label[first].tolist() == [3, 7] * 5
    # Each row once, then the third 3 is the first again.
    assert first.tolist() == [1, 0, 4, 2, 1, 3, 4, 5, 1, 0]
    assert second.tolist()[:2] == [4, 2]
    assert set(label[third]) == {3, 7}


def test_colours_stay_colours_and_gaps_stand_out() -> None:
    line = pixels(strip(np.stack([RED, RED]), 3), UNITS)
    assert line.shape == (4, 14, 3)
    np.testing.assert_array_equal(line[2, :4], np.tile([1, 0, 0], (4, 1)))
    gap = plt.matplotlib.colors.to_rgb(common.GAP)
    for column in (4, 9, 12):  # between images, and where none is
        np.testing.assert_allclose(line[0, column], gap)


def test_values_beyond_the_range_are_cut() -> None:
    line = pixels(strip(np.stack([3 * RED - 1]), 1), UNITS)
    np.testing.assert_array_equal(line[0, 0], [1, 0, 0])


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_colour_samples_are_drawn(ending: str, tmp_path: Path) -> None:
    x = np.tile(RED.reshape(1, -1), (4, 1))
    out = tmp_path / f"x.{ending}"
    if ending == "png":
        write_points(x, UNITS, out, to_data=True)
    else:
        animate(UNITS, lambda k: (f"{k}", UNITS.decode(x)), 2, 1, out)
    with Image.open(out) as picture:
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (colours == [255, 0, 0]).all(axis=1).mean() > 0.4


def test_strips_of_colour_images_have_real_ones_below() -> None:
    x = np.tile(RED, (8, 1, 1, 1))
    split = Split(x, np.arange(8))
    dataset = Dataset("a", dict.fromkeys(("train", "heldout", "test"), split), UNITS, {}, "")
    draws = Draws(Condition(0.0, 1.0), x, np.arange(8))
    figure = common.image_figure(dataset, {"flow": {"τ = 1": draws}})
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert labels == ["τ = 1", "real, test split"]
    plt.close(figure)
