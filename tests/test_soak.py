"""Minutes of `make soak`: a small study on a real SLURM, killed at random; nothing is lost."""

from pathlib import Path

import pytest

from tests import slurm
from tests.soak import Soak

ABSENT = slurm.missing()
pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(bool(ABSENT), reason=f"no SLURM here: {', '.join(ABSENT)} missing"),
]
# More than 30 jobs.
SEEDS, EVERY_SECONDS, MINUTES = 4, 12.0, 12.0


def test_nothing_is_lost_where_jobs_nodes_and_snakemake_are_killed(tmp_path: Path) -> None:
    with slurm.running() as cluster:
        soak = Soak(cluster, tmp_path, SEEDS, seed=0)
        soak.go(EVERY_SECONDS, MINUTES)
        assert soak.lost() == []
    assert soak.planned > 30
    assert len(soak.events) >= 3
    assert soak.timeline[-1][1] > 0
