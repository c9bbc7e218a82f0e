"""On paper: what images in pixels would take on a GPU, eight of them, and a hundred CPU nodes.

    python benchmarks/machines.py --out results/reference/benchmarks/machines.md

Nothing is run. Seconds are those measured of a step (local-gpu.md, local-cpu.md) and of a training
(docs/results/images_gpu.md, the mnist_pixels study), scaled with numbers and pixels; memory is the
formula of swflow.flow.memory. A study is three seeds at three entropies: nine flows, three U-Nets.
"""

import math
from dataclasses import dataclass

import pandas as pd

from report import parser, write
from swflow.flow.memory import simulation_bytes
from swflow.representation.dataset import Sizes
from swflow.schedule.steps import step_schedule
from swflow.settings import SimulationSettings

FLOWS, NETWORKS, TIMES = 9, 3, 16
HORIZON, TRAINED_PAIRS = 640, 20_000_000
GB = 1e9


@dataclass(frozen=True)
class Machine:
    """What one can do, and how many there are.

    number: seconds for each number of a cloud in a step along one basis, both sorts and the
    products; pair: to train with one of 784 pixels; memory: bytes of one; link: bytes a second
    between two.
    """

    number: float
    pair: float
    memory: float
    link: float
    of_them: int


@dataclass(frozen=True)
class Images:
    """A dataset: training rows, and what an image is."""

    rows: int
    channels: int
    side: int

    @property
    def dim(self) -> int:
        return self.channels * self.side**2


# An H200 was measured: an H100 sorts as fast as its memory is, 3.35 TB/s instead of 4.8. Of CPUs
# two cores were: a node is taken to be as much faster as it has more.
H100 = Machine(0.35e-9 * 1.43, 80 / (3000 * 512), 80 * GB, 450 * GB, 1)
MACHINES = {
    "one H100": H100,
    "eight H100, NVLink": Machine(H100.number, H100.pair, H100.memory, H100.link, 8),
    "100 nodes of 64 cores, 25 Gb/s": Machine(58e-9 / 64, 5e-3 / 64, 512 * GB, 3.1 * GB, 100),
}
DATASETS = {
    "CIFAR-10": Images(50_000, 3, 32),
    "CelebA, 64 x 64": Images(162_770, 3, 64),
    "ImageNet, 64 x 64": Images(1_281_167, 3, 64),
}


def flow_of(images: Images, particles: int) -> SimulationSettings:
    return SimulationSettings(
        n_particles=particles,
        horizon=HORIZON,
        n_times=TIMES,
        n_directions=images.dim,
        directions="local",
        target_batch=particles,
        labels=True,
        twin="always",
    )


def row(name: str, images: Images, where: str, machine: Machine) -> dict[str, str]:
    sizes = Sizes(images.rows, images.rows // 10, images.dim)
    most = images.rows
    while simulation_bytes(flow_of(images, most), sizes) > machine.memory:
        most = most * 9 // 10
    flow = flow_of(images, most)
    steps = len(step_schedule(flow))
    step = 2 * machine.number * most * images.dim  # its particles, and their twin
    training = TRAINED_PAIRS * machine.pair * images.side**2 / 784
    rounds_of_flows, rounds_of_networks = (
        math.ceil(count / machine.of_them) for count in (FLOWS, NETWORKS)
    )
    stored = FLOWS * TIMES * 3 * 4 * most * images.dim
    hours = (rounds_of_flows * steps * step + rounds_of_networks * training) / 3600
    exchanged = 2 * 2 * 4 * most * images.dim / machine.link
    return {
        "dataset": name,
        "machines": where,
        "particles": f"{most:,}" + (" (all rows)" if most == images.rows else ""),
        "a flow, minutes": f"{steps * step / 60:.1f}",
        "a U-Net, minutes": f"{training / 60:.0f}",
        "study, hours": f"{hours:.1f}",
        "stores, TB": f"{stored / 1e12:.2f}",
        "a step / its exchange": f"{step / exchanged:.1f}",
    }


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rows = [
        row(name, images, where, machine)
        for name, images in DATASETS.items()
        for where, machine in MACHINES.items()
    ]
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    said = (
        f"Flows class by class to τ = {HORIZON} along local directions, one basis a step, with a "
        f"twin, as many particles as rows or as fit; {TRAINED_PAIRS:,} pairs make a U-Net; a study "
        f"is {FLOWS} flows and {NETWORKS} networks, each on a machine of its own. Not measured."
    )
    write(arguments.out, "# What larger datasets would take, on paper", table, said)


if __name__ == "__main__":
    main()
