"""The simulate stage: from a dataset to a stored trajectory with its distances to the data."""

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from swflow.datasets import Dataset
from swflow.errors import InputError
from swflow.flow import simulate, step_schedule
from swflow.progress import progress
from swflow.provenance import peak_memory, versions
from swflow.randomness import keyed_generator
from swflow.settings import SimulationSettings
from swflow.sliced import evaluation_directions, sliced_wasserstein
from swflow.sources import draw_source
from swflow.trajectory import TrajectoryWriter, write_trajectory

EVALUATION_DIRECTIONS = 256


def simulate_dataset(
    dataset: Dataset, settings: SimulationSettings, seed: int, out: Path, device: str
) -> None:
    """Simulate one flow to the dataset's training rows and store it at `out`.

    Raises InputError where labels are asked of a dataset that has none.
    """
    memory = peak_memory()
    generator = keyed_generator(seed, "source", device=device)
    n, dim = settings.n_particles, dataset.dim
    source = draw_source(settings.source, n, dim, quasi=settings.quasi, generator=generator)
    # Keyed without the seed: how far runs carry the same points apart is their repeatability.
    shared = keyed_generator("carried", device=device)
    carried = draw_source(settings.source, settings.n_carried, dim, generator=shared)
    target = torch.from_numpy(dataset.rows("train")).to(device)
    source_labels, target_labels = _labels(dataset, settings, device)
    steps = step_schedule(settings)
    times = settings.stored_times()
    label = None if source_labels is None else source_labels.cpu().numpy()
    began = time.perf_counter()
    with write_trajectory(out, times, label) as writer:
        bar = progress("simulate", total=len(steps))
        distances = Distances(dataset, device, seed)
        for snapshot in simulate(
            source,
            target,
            settings,
            generator=keyed_generator(seed, "simulate", device=device),
            source_labels=source_labels,
            target_labels=target_labels,
            carried=None if settings.labels else carried,
            on_step=bar.update,
        ):
            writer.write(snapshot)
            distances.add(snapshot.particles)
        bar.close()
        spent = {
            "wall_seconds": time.perf_counter() - began,
            "peak_memory_bytes": peak_memory(),
            "working_set_bytes": peak_memory() - memory,
        }
        _finish(writer, settings, seed, dataset, distances, device, spent)


class Distances:
    """SW of each snapshot to training and held-out rows, along directions kept fixed."""

    def __init__(self, dataset: Dataset, device: str, seed: int) -> None:
        generator = keyed_generator(seed, "distances", device=device)
        self.directions = evaluation_directions(EVALUATION_DIRECTIONS, dataset.dim, generator)
        self.splits = {
            name: torch.from_numpy(dataset.rows(name)).to(device) for name in ("train", "heldout")
        }
        self.values: dict[str, list[float]] = {name: [] for name in self.splits}
        self.floor = self._distance(self.splits["train"], "heldout")

    def add(self, particles: Tensor) -> None:
        """Measure one snapshot."""
        for name in self.splits:
            self.values[name].append(self._distance(particles, name))

    def _distance(self, x: Tensor, split: str) -> float:
        return float(sliced_wasserstein(x, self.splits[split], self.directions))


def _labels(
    dataset: Dataset, settings: SimulationSettings, device: str
) -> tuple[Tensor | None, Tensor | None]:
    """Labels of particles (in the proportions of the training rows) and of the target."""
    if not settings.labels:
        return None, None
    y = dataset.splits["train"].y
    if y is None:
        raise InputError(f"dataset {dataset.name!r} has no labels: set labels: false in the flow.")
    ranks = np.arange(settings.n_particles) * len(y) // settings.n_particles
    return torch.from_numpy(np.sort(y)[ranks]).to(device), torch.from_numpy(y).to(device)


def _finish(
    writer: TrajectoryWriter,
    settings: SimulationSettings,
    seed: int,
    dataset: Dataset,
    distances: Distances,
    device: str,
    spent: dict[str, float],
) -> None:
    writer.finish(
        {
            "settings": settings.canonical(),
            "seed": seed,
            "dataset": dataset.name,
            "dataset_digest": dataset.digest,
            "units": dataset.units.to_json(),
            "sw_train": distances.values["train"],
            "sw_heldout": distances.values["heldout"],
            "sw_train_heldout": distances.floor,
            "device": device,
            "versions": versions(),
            **spent,
        }
    )
