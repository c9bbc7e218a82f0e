"""Closed forms: a simulated flow between Gaussians against the exact mean and covariance."""

from collections.abc import Iterator

import numpy as np

from swflow.flow.closed_form import gaussian_flow
from swflow.flow.source import source_covariance
from swflow.flow.trajectory import Trajectory
from swflow.metrics.subject import Measure, Row, Subject
from swflow.models.spec import Condition
from swflow.representation.dataset import Dataset

NEEDS = ("source", "dataset")
SETTINGS = ()
FLOORS: dict[str, str] = {}


def measure(subject: Subject) -> Iterator[Row]:
    """Of stored runs from Gaussians to Gaussians, at every time: see `closed_form_errors`."""
    for entropy in subject.sampler.spec.entropies:
        run = subject.sampler.run(Condition(entropy, None))
        known = "covariance" in subject.dataset.attributes
        if run is None or not known or run.settings.source.law != "gaussian":
            continue
        for time, measures in closed_form_errors(subject.dataset, run):
            yield from subject.rows(Condition(entropy, time), measures)


def closed_form_errors(dataset: Dataset, run: Trajectory) -> Iterator[tuple[float, list[Measure]]]:
    """Errors of a run from a Gaussian to a Gaussian at each of its times.

    mean_error: root mean square over coordinates, in target standard deviations; std_error: of
    √(tr Σ/d), relative; covariance_error: Frobenius, relative. Floors: the standard errors of
    independent samples of the sizes of source and target.
    """
    n, dim = run.shape
    target = dataset.attributes["covariance"] / dataset.units.scale**2
    mean0 = np.full(dim, run.settings.source.mean)
    covariance0 = source_covariance(run.settings.source, dim)
    times = [float(t) for t in run.time]
    means, covariances = gaussian_flow(
        mean0, covariance0, np.zeros(dim), target, run.entropy, times
    )
    noise = np.sqrt(1 / n + 1 / dataset.size("train"))
    for index, time in enumerate(times):
        sigma, cloud = covariances[index], run.particles(index).astype(np.float64)
        found = np.cov(cloud, rowvar=False).reshape(dim, dim)
        trace, squares = np.trace(sigma), np.square(sigma).sum()
        errors = {
            "mean_error": np.sqrt(np.mean((cloud.mean(axis=0) - means[index]) ** 2)),
            "std_error": abs(np.sqrt(np.trace(found) / trace) - 1),
            "covariance_error": np.sqrt(np.square(found - sigma).sum() / squares),
        }
        floors = {
            "mean_error": noise * np.sqrt(trace / dim),
            "std_error": noise * np.sqrt(squares / 2) / trace,
            "covariance_error": noise * np.sqrt((trace**2 + squares) / squares),
        }
        yield (
            time,
            [Measure(k, float(v), n, floor=float(floors[k])) for k, v in errors.items()],
        )
