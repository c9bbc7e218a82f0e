"""How much memory a simulation takes, from its settings and the sizes of its dataset.

Largest resident bytes of a process on a CPU. The constants were fitted to what simulations took
(benchmarks/size.py has both): within 20 % where a step takes no longer than a snapshot to write.
"""

import math
from typing import TYPE_CHECKING

from swflow.flow.twin import has_twin
from swflow.runtime.errors import InputError
from swflow.settings import SimulationSettings

if TYPE_CHECKING:  # the workflow asks before there is a need for arrays
    from swflow.representation.dataset import Sizes

# Streamed training rows that are fewer are held in memory, of the GPU where there is one.
HELD_BYTES = 2**30

START_BYTES = 400 * 2**20  # Python, torch, compiled kernels
FLOAT_BYTES = 4
# Clouds at once, while a step is taken and the snapshot before it is written.
CLOUDS, OF_TWIN, OF_NOISE, OF_CLASSES = 6.0, 4.0, 4.0, 0.5
# Of rows that are not trained on: held, and compared with.
OF_OTHERS = 1.5
# Projections of a block of directions: numbers, and arrays of them at once.
BLOCK_NUMBERS, BLOCK_ARRAYS, LEAST_DIRECTIONS = 2**22, 7.5, 256
# From this dimension on bases by fast transforms are whole: arrays of all their projections.
WHOLE_FROM = 2048
WHOLE_ARRAYS = {"structured": 6.0, "local": 2.5}
# Copies of the target: its classes, one after the other; its rows with noise, and the noise.
OF_CLASSED_TARGET, OF_SMOOTHED_TARGET = 1.0, 2.0
POINT_BYTES = 160  # where quantiles of clouds of two sizes meet
# Where a step takes longer than to write a snapshot, less is held at once.
LEAST_PART = 0.6


def simulation_bytes(settings: SimulationSettings, sizes: "Sizes") -> int:
    """What one process takes at most."""
    fixed, of_particle = _bytes(settings, sizes)
    return round(fixed + of_particle * settings.n_particles)


def check_memory(settings: SimulationSettings, sizes: "Sizes", there: int) -> None:
    """Raise InputError where a simulation does not fit into so many bytes."""
    needed = LEAST_PART * simulation_bytes(settings, sizes)
    if needed <= there:
        return
    fixed, of_particle = _bytes(settings, sizes)
    most = math.floor((there / LEAST_PART - fixed) / of_particle)
    advice = []
    if most >= 1:
        advice.append(f"n_particles of at most {most}")
    if settings.target_batch is None:
        advice.append("target_batch, which reads the target in subsets")
    raise InputError(
        f"{settings.n_particles} particles of {sizes.dim} numbers, and {sizes.train} training "
        f"rows, take at least {needed / 1e9:.1f} GB of memory; there are {there / 1e9:.1f} GB: use "
        f"{', or '.join([*advice, 'a larger machine'])}."
    )


def _bytes(settings: SimulationSettings, sizes: "Sizes") -> tuple[float, float]:
    """What does not depend on the number of particles, and what each particle adds."""
    batch, row = settings.target_batch, FLOAT_BYTES * sizes.dim
    at_once = sizes.train if batch is None else batch
    held = sizes.train if batch is None or row * sizes.train <= HELD_BYTES else 0
    rows = held + (batch or 0) + OF_OTHERS * sizes.others
    if settings.labels and batch is None:
        rows += OF_CLASSED_TARGET * sizes.train
    if any(part.noisy_target for part in settings.regularisers):
        rows += OF_SMOOTHED_TARGET * at_once
    directions = max(settings.n_directions, LEAST_DIRECTIONS)
    block = min(BLOCK_NUMBERS, directions * (settings.n_particles + at_once))
    whole = WHOLE_ARRAYS.get(settings.directions.kind, 0.0) if sizes.dim >= WHOLE_FROM else 0.0
    rows += whole * at_once
    fixed = START_BYTES + FLOAT_BYTES * BLOCK_ARRAYS * block + row * rows
    noisy = settings.entropy > 0
    clouds = CLOUDS + OF_TWIN * has_twin(settings) + OF_NOISE * noisy + OF_CLASSES * settings.labels
    clouds += whole
    fixed += CLOUDS * row * settings.n_tracers
    return fixed + POINT_BYTES * sizes.train, row * clouds + POINT_BYTES
