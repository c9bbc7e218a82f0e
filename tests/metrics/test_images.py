"""Images in features and pixels: what real images, copies and samples of a flow score."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from swflow.metrics.images import measure, thinned
from swflow.metrics.names import DECODED, EVEN, OFFICIAL, TRAINING
from swflow.metrics.spectrum import fine_power
from swflow.metrics.subject import Row, Subject
from swflow.models.draws import sampling_conditions, stored_draws
from swflow.models.heldout_rows import HeldoutRows
from swflow.models.spec import Condition
from swflow.report.pictures import neighbours
from swflow.representation.dataset import Dataset, Split
from swflow.representation.features import FeatureSpace, first_half, fit_features, second_half
from swflow.runtime.errors import InputError
from swflow.settings import (
    FeatureSettings,
    FlowMatchingSettings,
    KernelDensitySettings,
    ScoreSettings,
)
from swflow.stages.features import load_features, train_features
from swflow.stages.loading import load
from swflow.stages.score import Inputs, score
from swflow.stages.train import train
from swflow.store.dataset import read_dataset
from swflow.training.loop import TrainingRun
from tests.representation.test_latents import blobs, images_file

FEATURES = FeatureSettings(
    dim=8, network={"width": 8}, training={"steps": 60, "batch_size": 32, "average_decay": 0.9}
)
SIZES = ScoreSettings(n_exact=30, n_memorisation=40)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images and the features of a classifier of them."""
    found = tmp_path_factory.mktemp("features")
    train_features(FEATURES, read_dataset(images_file(found)), found / "features", "cpu")
    return found


@pytest.fixture(scope="module")
def images(made: Path) -> Dataset:
    return read_dataset(made / "blobs.h5")


@pytest.fixture(scope="module")
def space(made: Path) -> FeatureSpace:
    return load_features(made / "features")


def scored(rows: list[Row]) -> dict[str, float]:
    return {row.metric: row.value for row in rows}


def of_real(
    images: Dataset, space: FeatureSpace, settings: ScoreSettings = SIZES
) -> dict[str, float]:
    sampler = HeldoutRows(images)
    draws = list(stored_draws(sampler, 1000, [Condition(None, None)], 0))
    subject = Subject(sampler, images, draws, settings=settings, images=images, features=space)
    return scored(list(measure(subject)))


def test_distances_and_floors_are_of_equal_numbers(images: Dataset, space: FeatureSpace) -> None:
    """Of fewer draws than real images both are of as many as there are draws."""
    sampler = HeldoutRows(images)
    for n in (12, 1000):
        draws = list(stored_draws(sampler, n, [Condition(None, None)], 0))
        subject = Subject(sampler, images, draws, settings=SIZES, images=images, features=space)
        there = min(len(images.fresh.x), len(images.reference.x), n)
        found = {row.metric: row.n for row in measure(subject)}
        assert found["feature_frechet"] == found["pixel_kernel"] == there


def test_the_classifier_tells_classes_apart(space: FeatureSpace, images: Dataset) -> None:
    """Bright blobs and dark ones; what it sees is its own opinion, of images in data units."""
    assert space.labels == (0, 1)
    split = images.splits["test"]
    seen = space.look(images.units.decode(split.rows()))
    assert split.y is not None
    assert (seen.label == split.y).mean() > 0.9
    assert seen.features.shape == (40, 8)
    assert (seen.features >= 0).all()


def test_halves_of_the_training_rows_are_all_of_them(images: Dataset) -> None:
    split = images.splits["train"]
    both = np.concatenate([first_half(split).rows(), second_half(split).rows()])
    np.testing.assert_array_equal(both, split.rows())


def test_the_classifier_never_sees_the_second_half(images: Dataset, space: FeatureSpace) -> None:
    """Other rows there: the same weights."""
    train_split = images.splits["train"]
    half = len(train_split.x) // 2
    x = np.concatenate([train_split.x[:half], 0 * train_split.x[half:]])
    changed = replace(images, splits={**images.splits, "train": Split(x, train_split.y)})
    other, _ = fit_features(FEATURES, changed, TrainingRun(FEATURES.seed))
    for name, value in space.tensors().items():
        np.testing.assert_array_equal(other.tensors()[name], value)


def test_without_classes_it_tells_how_images_were_mirrored(images: Dataset) -> None:
    splits = {name: Split(split.x, None) for name, split in images.splits.items()}
    space, _ = fit_features(FEATURES, replace(images, splits=splits), TrainingRun(0))
    assert space.labels == ()
    assert 0 <= space.accuracy <= 1
    assert space.look(images.units.decode(images.rows("test"))).features.shape == (40, 8)


def test_images_of_one_class_are_refused(images: Dataset) -> None:
    split = images.splits["train"]
    alone = {**images.splits, "train": Split(split.x, np.zeros(len(split.x), int))}
    with pytest.raises(InputError, match="of one class"):
        fit_features(FEATURES, replace(images, splits=alone), TrainingRun(0))


def test_real_images_are_the_floor_and_copies_are_found(
    images: Dataset, space: FeatureSpace
) -> None:
    """Fresh images are no copies, training images are: in features and in pixels.

    In features half of them are as near as fresh ones, those that the classifier saw: A is ¾.
    """
    found = of_real(images, space)
    for space_name, a in (("feature_", 0.65), ("pixel_", 0.9)):
        error = found[f"{space_name}copied_error"]
        assert abs(found[f"{space_name}copied"]) < 4 * error
        assert found[f"{TRAINING}{space_name}copied"] > 0.7
        assert found[f"{TRAINING}{space_name}memorisation_a"] > a
        assert found[f"{space_name}frechet_error"] > 0
    assert found["class_agreement"] > 0.9
    assert not any(name.startswith((OFFICIAL, DECODED)) for name in found)


def test_an_official_test_split_is_beside_and_no_reference(
    images: Dataset, space: FeatureSpace
) -> None:
    """Its rows are of another law here: the floor does not know."""
    other = Split(images.splits["test"].x + 3, images.splits["test"].y)
    marked = replace(
        images,
        splits={**images.splits, "test": other},
        attributes={**images.attributes, "official_test": True},
        digest="another",
    )
    assert len(marked.fresh.x) == len(marked.reference.x) == 30
    found = of_real(marked, space)
    assert found[f"{OFFICIAL}pixel_frechet"] > 5 * found["pixel_frechet"]
    heldout = images.splits["heldout"]
    np.testing.assert_array_equal(
        np.concatenate([marked.fresh.rows(), marked.reference.rows()]), heldout.rows()
    )


def test_a_copier_is_found_among_models(made: Path, images: Dataset, space: FeatureSpace) -> None:
    """Draws of one class alone, and at strided times: of what knows none all."""
    copier = KernelDensitySettings(bandwidth=1e-6, labels=True)
    train(copier, images, [], 0, made / "copier", "cpu")
    sampler = load(made / "copier")
    draws = list(stored_draws(sampler, 60, [Condition(None, None)], 0))
    subject = Subject(sampler, images, draws, settings=SIZES, images=images, features=space)
    found = scored(list(measure(subject)))
    assert found["pixel_memorisation_a"] > 0.9
    assert found["pixel_copied"] > 0.8
    assert found["class_agreement"] > 0.9


def test_of_fewer_training_rows_copies_are_told_from_these(
    images: Dataset, space: FeatureSpace
) -> None:
    """Copies of the other training images are none of theirs."""
    last = Split(images.splits["train"].x[-60:], images.splits["train"].y[-60:])
    few = replace(images, splits={**images.splits, "train": last})
    other = replace(images, splits={**images.splits, "test": images.splits["train"].part(0, 60)})
    same = replace(images, splits={**images.splits, "test": last})
    found = []
    for reference in (other, same):
        sampler = HeldoutRows(reference)
        draws = list(stored_draws(sampler, 60, [Condition(None, None)], 0))
        seen = replace(reference, digest=f"{reference is same}")
        subject = Subject(sampler, few, draws, settings=SIZES, images=seen, features=space)
        found.append(scored(list(measure(subject))))
    assert abs(found[0]["pixel_copied"]) < 4 * found[0]["pixel_copied_error"]
    assert found[1]["pixel_copied"] > 0.7


def test_of_rows_but_the_last_copies_are_told_from_these(
    images: Dataset, space: FeatureSpace
) -> None:
    train = images.splits["train"]
    kept = train.last(60, but=30)
    few = replace(images, splits={**images.splits, "train": kept}, attributes={"but_last": 30})
    seen = replace(images, splits={**images.splits, "test": kept}, digest="seen")
    sampler = HeldoutRows(seen)
    draws = list(stored_draws(sampler, 60, [Condition(None, None)], 0))
    subject = Subject(sampler, few, draws, settings=SIZES, images=seen, features=space)
    assert scored(list(measure(subject)))["pixel_copied"] > 0.7
    all_seen = replace(few, attributes={"but_last": len(train.x) // 2})
    subject = Subject(sampler, all_seen, draws, settings=SIZES, images=seen, features=space)
    with pytest.raises(InputError, match="the classifier of the features learned from all rows"):
        list(measure(subject))


def test_evenly_spread_draws_are_beside_those_of_random_source_points(
    made: Path, images: Dataset, space: FeatureSpace
) -> None:
    """Of one law, so as far from real images but for scatter; their copies are not looked for."""
    matching = FlowMatchingSettings(labels=True, passes=[2], training={"steps": 40})
    train(matching, images, [], 0, made / "matching", "cpu")
    sampler = load(made / "matching")
    draws = list(stored_draws(sampler, 60, sampling_conditions(sampler), 0))
    subject = Subject(sampler, images, draws, settings=SIZES, images=images, features=space)
    found = scored(list(measure(subject)))
    assert found[f"{EVEN}pixel_frechet"] == pytest.approx(found["pixel_frechet"], rel=0.2)
    assert found[f"{EVEN}class_agreement"] == pytest.approx(found["class_agreement"], abs=0.2)
    assert found[f"{EVEN}pixel_frechet"] != found["pixel_frechet"]
    assert f"{EVEN}pixel_copied" not in found


def test_fine_power_is_of_short_waves() -> None:
    """A wave of three pixels counts, whole; one of five does not, nor does brightness."""
    rows = np.arange(15)[:, None] + np.zeros(15)
    fine, coarse = np.cos(2 * np.pi * rows / 3), np.cos(2 * np.pi * rows / 5)
    images = np.stack([fine, coarse, np.ones((15, 15))])[:, None]
    found = [fine_power(images[k : k + 1]) for k in range(3)]
    # A wave of amplitude 1 has two lines of n²/2 each.
    assert found == pytest.approx([2 * (15**2 / 2) ** 2, 0, 0], abs=1e-9)
    assert fine_power(np.concatenate([images] * 700)) == pytest.approx(found[0] / 3)


def test_real_images_are_as_sharp_as_others(images: Dataset, space: FeatureSpace) -> None:
    """Half of the bright blobs and the dark ones: four times the power, of 30 and of 100 rows."""
    found = of_real(images, space)
    for prefix in ("", TRAINING):
        assert 0.5 < found[f"{prefix}sharpness"] < 2


def test_nothing_is_measured_where_rows_are_no_images(dataset: Dataset) -> None:
    sampler = HeldoutRows(dataset)
    draws = list(stored_draws(sampler, 10, [Condition(None, None)], 0))
    assert not list(measure(Subject(sampler, dataset, draws)))


def test_features_of_other_images_are_refused(made: Path, tmp_path: Path) -> None:
    """By the digest of their rows."""
    from swflow.stages.prepare import write_splits

    others = {
        name: blobs((12, 10), 50, seed) for seed, name in enumerate(["train", "heldout", "test"])
    }
    write_splits(others, "others", tmp_path / "others.h5")
    inputs = Inputs(
        tmp_path / "others.h5",
        [tmp_path / "others.h5"],
        images_file=tmp_path / "others.h5",
        features_folder=made / "features",
    )
    with pytest.raises(InputError, match="swflow train-features"):
        score(["images"], inputs, SIZES, 0, tmp_path / "scores")
    with pytest.raises(InputError, match="not features of images"):
        load_features(_model(made))


def _model(made: Path) -> Path:
    path = made / "copier2"
    if not path.exists():
        settings = KernelDensitySettings(bandwidth=0.1)
        train(settings, read_dataset(made / "blobs.h5"), [], 0, path, "cpu")
    return path


def test_neighbours_are_the_nearest_training_images(
    made: Path, images: Dataset, space: FeatureSpace
) -> None:
    """Of copies of training images these themselves: the three lines are one."""
    copier = KernelDensitySettings(bandwidth=1e-6, labels=True)
    train(copier, images, [], 0, made / "copies", "cpu")
    sampler = load(made / "copies")
    (draws,) = stored_draws(sampler, 200, [Condition(None, None)], 0)
    figure = neighbours.picture({"copier": draws}, images, images, space, 0)
    lines = [axes.images[0].get_array() for axes in figure.axes]
    assert len(lines) == 3
    for line in lines[1:]:
        np.testing.assert_allclose(np.asarray(line), np.asarray(lines[0]), atol=0.01)
    other = neighbours.picture({"copier": draws}, images, images, space, 1)
    assert not np.allclose(np.asarray(other.axes[0].images[0].get_array()), np.asarray(lines[0]))


@pytest.mark.parametrize(("there", "n"), [(7000, 2000), (7000, 4000), (10, 10), (3, 9)])
def test_some_rows_of_a_split_are_from_all_over_it(there: int, n: int) -> None:
    """Whatever the quotient: the first half is as often there as the second."""
    rows = np.arange(there, dtype=np.float32)[:, None]
    found = thinned(Split(rows, rows[:, 0]), n)
    assert len(found.x) == min(n, there)
    assert len(np.unique(found.x)) == len(found.x)
    assert abs((found.x < there / 2).mean() - 0.5) < 0.51 / len(found.x) + 0.5 * (there < n)
    assert np.array_equal(found.x[:, 0], found.y)
