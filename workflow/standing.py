"""Which code computed a committed study, and what of it has changed since.

`workflow/reference.py` keeps the digests beside a study's tables; the site says on the study's page
what differs from those of the code that it is built from. Tables and figures are not among them:
they are made again from the committed scores.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from swflow.settings import parse_settings
from swflow.study import registry
from swflow.study.configs import merged
from swflow.study.plan import Plan, Row
from swflow.study.roots import (
    autoencoder_code,
    dataset_code,
    features_code,
    simulation_code,
    training_code,
)
from swflow.study.study import DATA, Study

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
FILE = "code.json"
SCORES = "scores: "


def configs(study: str, root: Path = ROOT) -> list[Path]:
    """The config files of a study: those that its own one begins with."""
    if study == "default":
        return [root / "config.yaml"]
    folder = root / "workflow" / "configs"
    said = (folder / f"{study}.yaml").read_text().partition("\n\n")[0]
    named = re.findall(r"workflow/configs/(\w+\.yaml)", said)
    return [root / "config.yaml", *(folder / name for name in named)]


@cache
def digests(study: str) -> dict[str, list[str]]:
    """Of the code that is here, and computes a study: those of each stage and group of scores."""
    plan = Plan(parse_settings(Study, merged(configs(study)), "config"))
    found = defaultdict[str, set[str]](set)
    for row in plan.rows():
        for stage, digest in _computed(plan, row):
            found[stage].add(digest)
    return {stage: sorted(of) for stage, of in found.items()}


def _computed(plan: Plan, row: Row) -> Iterator[tuple[str, str]]:
    """What computes a row, from the dataset to the scores."""
    study, images = plan.study, plan.study.images_of(row.dataset)
    rows = study.datasets[row.dataset]
    yield "datasets", dataset_code(rows)
    if (encoder := study.autoencoder_of(row.dataset)) is not None:
        yield "autoencoders", autoencoder_code(study.datasets[encoder])
    if images is not None:
        yield "features of images", features_code(study.features)
    if row.teacher != DATA:
        flow = study.flows[row.teacher]
        for entropy in flow.entropies:
            yield "simulations", simulation_code(flow.at(entropy))
    if row.model in study.models:
        yield "models", training_code(study.models[row.model])
    yield "samples", plan.sampling_code(row.model)
    of_groups = json.loads(plan.score_code(row.model))
    for group, module in registry.modules("metrics").items():
        needs = registry.constant(module, "NEEDS")
        absent = {"images": images, "disjoint": plan.disjoint(*row[:3])}
        if all(absent.get(name, "") is not None for name in needs):
            yield SCORES + group, of_groups[group]


def changed(kept: dict[str, list[str]], now: dict[str, list[str]]) -> str:
    """Which of the stages that computed a study are other code now, as words; none: no words."""
    found = [stage for stage, of in kept.items() if not set(of) <= set(now.get(stage, ()))]
    groups = [of.removeprefix(SCORES).replace("_", " ") for of in found if of.startswith(SCORES)]
    named = [stage for stage in found if not stage.startswith(SCORES)]
    if groups:
        every = len(groups) == sum(stage.startswith(SCORES) for stage in kept)
        named.append("scores" if every else f"scores ({', '.join(groups)})")
    return ", ".join(named)


def standing(study: str) -> str:
    """When a committed study was computed, and what has changed since, as sentences."""
    kept = json.loads((REFERENCE / study / FILE).read_text())
    named = changed(kept["digests"], digests(study))
    if not named:
        return f"Computed on {kept['computed']}, by the code that is here."
    return (
        f"Computed on {kept['computed']}. Since then code has changed behind its {named}; what "
        "that does to numbers is not known before the study runs again."
    )


if __name__ == "__main__":
    json.dump(digests(sys.argv[1]), sys.stdout)
