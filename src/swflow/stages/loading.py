"""Opening what stages read: models, runs of flows, anything that can be drawn from."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from swflow.flow.trajectory import Trajectory
from swflow.models.sampler import Model, Sampler
from swflow.models.spec import ModelSpec
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.settings import AnyModelSettings, implementation, parse_settings
from swflow.store.model import is_model, read_model


def load(path: str | Path) -> Model:
    """Load a trained model of any kind from its folder. Nothing in the folder is executed.

    Raises InputError (a ValueError) where files are missing, foreign or do not fit together.
    """
    folder = Path(path)
    description, tensors, decoder = read_model(folder)
    try:
        settings = parse_settings(AnyModelSettings, description["settings"], str(folder))
        spec = ModelSpec.from_json(description["spec"], decoder)
        model: Model = implementation(settings).rebuild(settings, spec, tensors)
        model.attributes = description
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: the files do not make a model ({error}).") from error
    return model


def open_runs(paths: Sequence[Path]) -> list[Trajectory]:
    """The stores of a flow, one for each entropy, in the order of entropies.

    Raises InputError where one cannot be read, and where they are not of one flow.
    """
    from swflow.store.trajectory import TrajectoryStore

    runs = Trajectory.of_family(TrajectoryStore(path) for path in paths)
    for run, other in pairwise(runs):
        same_data = run.attributes["dataset_digest"] == other.attributes["dataset_digest"]
        if not same_data or not np.array_equal(run.time, other.time):
            raise InputError(
                f"{run.name} and {other.name} are of different "
                f"{'times' if same_data else 'data'}: give stores of one flow."
            )
        if run.entropy == other.entropy:
            raise InputError(
                f"{run.name} and {other.name} are both at entropy {run.entropy:g}: give one store "
                "for each entropy."
            )
    return runs


def completing(sampler: Sampler, dataset: Callable[[], Dataset]) -> Sampler:
    """One whose draws complete held-out rows of a dataset, where it completes images."""
    if sampler.spec.known is None:
        return sampler
    return sampler.completing(torch.from_numpy(dataset().fresh.rows()))


def open_sampler(paths: Sequence[Path], device: str = "cpu") -> Sampler:
    """A model folder, a dataset file, or the stores of one flow (one for each entropy).

    device: where it draws.

    Raises InputError where a path is none of these.
    """
    first = paths[0]
    if len(paths) > 1 and first.suffix != ".zarr":
        raise InputError(f"{first}: one model or dataset at a time; {len(paths)} paths were given.")
    if is_model(first):
        return load(first).to(device)
    if first.suffix == ".h5":
        from swflow.models.heldout_rows import HeldoutRows
        from swflow.store.dataset import read_dataset

        return HeldoutRows(read_dataset(first))
    if first.suffix == ".zarr":
        from swflow.models.particles import Particles

        return Particles(open_runs(paths)).to(device)
    raise InputError(
        f"{first}: nothing to draw from; give a model folder, a flow store (.zarr) or a "
        "dataset file (.h5)."
    )
