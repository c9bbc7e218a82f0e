"""The score stage on runs that differ in length."""

from pathlib import Path

from swflow.datasets import Dataset
from swflow.models.particles import Particles
from swflow.sampling import sampling_points, write_samples
from swflow.scoring import score
from swflow.settings import ScoreSettings, SimulationSettings
from swflow.simulation import simulate_dataset
from swflow.trajectory import Trajectory
from tests.conftest import TINY_FLOW

SMALL = ScoreSettings(
    n_draws=100,
    n_redraws=3,
    n_large=300,
    n_directions=8,
    n_classifier=100,
    n_exact=50,
    n_timed=50,
    n_timings=1,
)


def test_runs_that_end_at_different_times_are_compared_while_both_last(
    dataset: Dataset, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    """As where runs stop near their floor: generation and cost at the last time of both."""
    long, times = stores[0][0], [float(t) for t in stores[0][0].time]
    short = SimulationSettings(**{**TINY_FLOW, "horizon": None, "times": times[1:4]})
    simulate_dataset(dataset, short, 1, tmp_path / "short.zarr", "cpu")
    brief = Trajectory(tmp_path / "short.zarr")
    for sampler, reference in ((long, brief), (brief, long)):
        particles = Particles([sampler])
        write_samples(particles, 200, sampling_points(particles), 0, tmp_path / "draws.h5")
        rows = score(tmp_path / "draws.h5", particles, dataset, [reference], SMALL, 0)
        for metric, expected in (
            ("sw2", times[1:4]),
            ("sw_test", times[3:4]),
            ("seconds_per_1000", times[3:4]),
        ):
            assert [row.time for row in rows if row.metric == metric] == expected, metric
