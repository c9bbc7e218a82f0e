"""What jobs of a study take, from its settings: enough to tell how long is left.

The constants are thread-seconds on one core of an AMD EPYC of 2026, fitted to the logs of the
studies in results/reference. `status` scales them by what jobs of the same rule really took.
"""

from collections.abc import Iterator
from typing import Any

from swflow.schedule.steps import step_schedule, stored_times
from swflow.settings import PARTICLES, TEST_SET
from swflow.study.plan import Plan, Row
from swflow.study.study import DATA, Study

START = 2.0  # Python, torch
SHORT = 3.0  # a job of which nothing is told here
STEP, NUMBER = 1e-2, 2.6e-8  # of a flow: each step, and each projection sorted
LOCAL = 2.5  # times as long along local directions, whose tiles are small
# Times as long with such plans; debiased ones are two.
ITERATED = {"entropic": 16.0, "partial": 8.0, "unbalanced": 8.0}
SLICED_ENTROPY = 5.0  # times as long with that of projections
TRAINED_ROW = {"mlp": 1e-7, "unet": 4e-3}  # of a perceptron for each unit of width
AUTOENCODER_STEP, CLASSIFIER_STEP = 0.07, 0.03
DRAWN, SCORED = 0.1, 0.5  # a condition drawn, scored
EXACT = 7e-11  # n³ times, of the exact W2 of n rows
# A condition compared as images, real images, what both are compared with: by as many other images
# as a published set has, and for each training row.
SEEN, REAL_IMAGES, OTHER_IMAGES = (6.0, 2e-4), (20.0, 1.8e-3), (6.0, 1e-4)
AT_END = 10**9  # the stride by which only the end of a flow is compared
# Training rows and others of images, where no number is given.
PUBLISHED, EMBEDDED = (42_000, 18_000), (7_000, 3_000)

# A rule, and the wildcards of a job of it.
Which = tuple[str, frozenset[tuple[str, str]]]


def expected_seconds(plan: Plan) -> dict[Which, float]:
    """Thread-seconds of every job that takes long, by rule and wildcards."""
    found: dict[Which, float] = {}
    for rule, wildcards, seconds in _jobs(plan):
        named = frozenset((name, str(value)) for name, value in wildcards.items())
        found[rule, named] = seconds
    return found


def _jobs(plan: Plan) -> Iterator[tuple[str, dict[str, Any], float]]:
    study = plan.study
    for name, dataset in study.datasets.items():
        training = getattr(dataset, "training", None)
        if training is not None:
            yield "train_autoencoder", {"dataset": name}, AUTOENCODER_STEP * training.steps
        if dataset.pictured:
            yield (
                "train_features",
                {"dataset": name},
                CLASSIFIER_STEP * study.features.training.steps,
            )
    for e in study.experiments:
        for entropy in study.flows[e.flow].entropies:
            for seed in study.seeds:
                of = {"dataset": e.dataset, "flow": e.flow, "entropy": f"{entropy:g}", "seed": seed}
                yield "simulate", of, _simulation_seconds(plan, e.flow, entropy)
    for row in plan.rows():
        place = row._asdict()
        yield "sample", place, START + DRAWN * _conditions(plan, row)
        if row.model in study.models:
            yield "train", place, _training_seconds(study.models[row.model])
        del place["seed"]
        yield "score", place, len(study.seeds) * _scoring_seconds(plan, row)
        if row.model != TEST_SET:
            yield "time", place, len(study.seeds) * _timing_seconds(plan, row)


def _simulation_seconds(plan: Plan, flow: str, entropy: float, n: int | None = None) -> float:
    """Of a flow of n particles (default: of as many as it has)."""
    family = plan.study.flows[flow]
    particles = family.n_particles if n is None else n
    number = NUMBER * (LOCAL if family.directions.kind == "local" else 1)
    number *= ITERATED.get(family.transport.kind, 1)
    number *= 2 if getattr(family.transport, "debiased", False) else 1
    if any(part.kind == "sliced_entropy" for part in family.regularisers):
        number *= SLICED_ENTROPY
    of_step = STEP + number * particles * family.n_directions
    twins = 2 if n is None and (family.twin == "always" or entropy > 0) else 1
    return START + twins * len(step_schedule(family.at(entropy))) * of_step


def _training_seconds(model: Any) -> float:
    if not model.by_network:
        return START
    unet = getattr(model.network, "kind", "") == "unet"
    row = TRAINED_ROW["unet"] if unet else TRAINED_ROW["mlp"] * model.network.width
    return START + row * model.training.steps * model.training.batch_size


def _conditions(plan: Plan, row: Row, stride: int = 1) -> int:
    """Points at which a row is drawn; at every stride-th time."""
    passes = len(getattr(plan.study.models.get(row.model), "passes", (1,)))
    if row.teacher == DATA:
        return passes
    times = -(-len(stored_times(plan.study.flows[row.teacher])) // stride)
    return passes * times * len(plan.sampled_entropies(row.teacher, row.model))


def _scoring_seconds(plan: Plan, row: Row) -> float:
    score = plan.study.score
    seconds = SCORED * _conditions(plan, row)
    compared = _conditions(plan, row, score.generation_stride or AT_END)
    seconds += EXACT * min(score.n_exact, plan.study.sample.n) ** 3 * compared
    if plan.study.images_of(row.dataset) is None:
        return seconds
    n_rows, n_others = _sizes(plan.study, row.dataset)

    def of_images(published: float, each_row: float) -> float:
        return published * n_others / PUBLISHED[1] + each_row * n_rows

    if row.model == TEST_SET:
        return seconds + of_images(*REAL_IMAGES)
    conditions = _conditions(plan, row, score.image_stride)
    return seconds + of_images(*OTHER_IMAGES) + of_images(*SEEN) * conditions


def _sizes(study: Study, dataset: str) -> tuple[int, int]:
    """Training rows of a dataset of images, or of their latents, and other images."""
    images = study.datasets[study.images_of(dataset) or dataset]
    n_rows, n_others = EMBEDDED if getattr(images, "embedded", False) else PUBLISHED
    given = getattr(study.datasets[dataset], "n_train", None) or getattr(images, "n_train", None)
    return given or n_rows, n_others


def _timing_seconds(plan: Plan, row: Row) -> float:
    """All cores are waited for: twice as long over all threads."""
    seconds, score = START, plan.study.score
    if row.model == PARTICLES:
        for entropy in plan.sampled_entropies(row.teacher, row.model):
            fresh = _simulation_seconds(plan, row.teacher, entropy, score.n_timed)
            seconds += score.n_timings * fresh
    return 2 * seconds
