"""Closed forms: a simulated flow between Gaussians against the exact mean and covariance."""

from collections.abc import Iterator

import numpy as np

from swflow.closed_form import gaussian_flow
from swflow.datasets import Dataset
from swflow.settings import SimulationSettings
from swflow.sources import source_covariance
from swflow.trajectory import Trajectory


def closed_form_errors(
    dataset: Dataset, store: Trajectory
) -> Iterator[tuple[float, str, float, float, int]]:
    """Yield (time, metric, value, floor, n) of a stored flow from a Gaussian to a Gaussian.

    mean_error: root mean square over coordinates, in target standard deviations; std_error: of
    √(tr Σ/d), relative; covariance_error: Frobenius, relative. Floors: the standard errors of
    independent samples of the sizes of source and target.
    """
    settings = SimulationSettings.model_validate(store.settings)
    n, dim = store.shape
    target = dataset.attributes["covariance"] / dataset.units.scale**2
    mean0 = np.full(dim, settings.source.mean)
    covariance0 = source_covariance(settings.source, dim)
    times = [float(t) for t in store.time]
    means, covariances = gaussian_flow(
        mean0, covariance0, np.zeros(dim), target, store.entropy, times
    )
    noise = np.sqrt(1 / n + 1 / len(dataset.rows("train")))
    for index, time in enumerate(times):
        sigma, cloud = covariances[index], store.particles(index).astype(np.float64)
        found = np.cov(cloud, rowvar=False).reshape(dim, dim)
        trace, squares = np.trace(sigma), np.square(sigma).sum()
        mean_error = np.sqrt(np.mean((cloud.mean(axis=0) - means[index]) ** 2))
        yield time, "mean_error", float(mean_error), float(noise * np.sqrt(trace / dim)), n
        std_error = abs(np.sqrt(np.trace(found) / trace) - 1)
        yield time, "std_error", float(std_error), float(noise * np.sqrt(squares / 2) / trace), n
        error = np.sqrt(np.square(found - sigma).sum() / squares)
        floor = noise * np.sqrt((trace**2 + squares) / squares)
        yield time, "covariance_error", float(error), float(floor), n
