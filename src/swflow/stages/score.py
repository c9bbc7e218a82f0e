"""The score stage: the groups of metrics of one row at one seed, each a file of its own."""

import hashlib
import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import torch
from threadpoolctl import threadpool_limits

from swflow.flow.trajectory import Trajectory
from swflow.metrics.subject import Row, Subject
from swflow.models.draws import Draws
from swflow.models.sampler import Sampler
from swflow.representation.dataset import Dataset
from swflow.representation.features import FeatureSpace
from swflow.runtime.errors import InputError
from swflow.runtime.progress import progress
from swflow.settings import ScoreSettings
from swflow.stages.features import load_features
from swflow.stages.loading import completing, open_runs, open_sampler
from swflow.stages.sample import scored_samples
from swflow.store.dataset import read_dataset
from swflow.store.samples import read_attributes
from swflow.store.scores import read_key, write_scores
from swflow.study import registry
from swflow.study.roots import homes, score_code

# Of torch in this process: scoring leaves it one.
ALL_THREADS = torch.get_num_threads()
# Between threads of Python: short beside the steps of a small classifier, which wait for the GIL.
SWITCH_SECONDS = 5e-4


@dataclass
class Inputs:
    """What groups of metrics read; nothing is opened before one of them needs it.

    device: where what draws is at work.
    """

    dataset_file: Path
    source: Sequence[Path]
    samples: Path | None = None
    references: Sequence[Path] = ()
    images_file: Path | None = None
    features_folder: Path | None = None
    disjoint_source: Sequence[Path] = ()
    device: str = "cpu"

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset's splits."""
        return read_dataset(self.dataset_file)

    @cached_property
    def sampler(self) -> Sampler:
        """What was drawn from."""
        return completing(open_sampler(self.source, self.device), lambda: self.dataset)

    @cached_property
    def disjoint(self) -> Sampler | None:
        """The same kind of sampler, which learned other rows."""
        return open_sampler(self.disjoint_source, self.device) if self.disjoint_source else None

    @cached_property
    def draws(self) -> list[Draws]:
        """The stored draws that are scored."""
        return [] if self.samples is None else list(scored_samples(self.samples))

    @cached_property
    def runs(self) -> list[Trajectory]:
        """The reference runs."""
        return open_runs(self.references)

    @cached_property
    def images(self) -> Dataset | None:
        """The images that rows are or stand for. Raises InputError where features are of others."""
        if self.images_file is None or self.features is None:
            return None
        images = read_dataset(self.images_file)
        if images.digest != self.features.digest:
            raise InputError(
                f"{self.features_folder}: features of dataset {self.features.images!r}, and "
                f"{self.images_file} holds other rows; train them for it: swflow train-features."
            )
        return images

    @cached_property
    def features(self) -> FeatureSpace | None:
        """What images are seen in."""
        return None if self.features_folder is None else load_features(self.features_folder)

    @cached_property
    def working_set_bytes(self) -> int:
        """Memory that drawing the samples took."""
        return 0 if self.samples is None else int(self._said["working_set_bytes"])

    @cached_property
    def _said(self) -> dict[str, Any]:
        return {} if self.samples is None else read_attributes(self.samples)

    def identities(self, module: str) -> dict[str, Any]:
        """What the inputs of a group were made of, by name."""
        return {name: self.identity(name) for name in registry.constant(module, "NEEDS")}

    def identity(self, needed: str) -> Any:
        """What a kind of input was made of: equal for inputs of the same content."""
        if needed == "dataset":
            return self.dataset.digest
        if needed == "samples":
            return self._said.get("digest")
        if needed == "images":
            return None if self.features is None else [self.features.digest, self.features.identity]
        if needed == "disjoint":
            return None if self.disjoint is None else self.disjoint.identity
        if needed == "references":
            return [run.store.identity for run in self.runs]
        return self.sampler.identity


def score(
    groups: Sequence[str],
    inputs: Inputs,
    settings: ScoreSettings,
    seed: int,
    out: Path,
    *,
    threads: int | None = None,
) -> None:
    """Write `out/{group}.json` for each group of metrics that is missing or stale.

    Stale is what was computed by other code, from other inputs or with other sample sizes: a new
    or changed group computes itself alone. threads: conditions measured side by side (default: as
    many as torch had threads). Raises InputError for an unknown group, and where draws have no
    reference of their entropy.
    """
    threads = threads or ALL_THREADS
    torch.set_num_threads(1)
    sys.setswitchinterval(SWITCH_SECONDS)
    known = {group: registry.module("metrics", group) for group in groups}
    made_of = {group: inputs.identities(module) for group, module in known.items()}
    keys = {
        group: group_key(module, made_of[group], inputs, settings, seed)
        for group, module in known.items()
    }
    files = {group: out / f"{group}.json" for group in groups}
    stale = [group for group in groups if read_key(files[group]) != keys[group]]
    for group in set(groups) - set(stale):
        files[group].touch()  # newer than its inputs: up to date

    measures = {group: importlib.import_module(known[group]).measure for group in stale}

    def measured(group: str, subject: Subject) -> list[dict[str, Any]]:
        return records(list(measures[group](subject)))

    # Some wait for all conditions of a group, the others work. Libraries, loaded by now, take one
    # thread in each.
    with _threads(threads) as workers, _threads(threads) as waiting:
        # Made here, not in threads: they read code, and Python's parser bears one thread only.
        subjects = {
            group: _subject(known[group], inputs, settings, seed, workers) for group in stale
        }
        begun = {waiting.submit(measured, group, subjects[group]): group for group in stale}
        for done in progress("score", as_completed(begun), total=len(begun)):
            group = begun[done]
            write_scores(files[group], done.result(), keys[group], made_of[group])


@contextmanager
def _threads(n: int) -> Iterator[Executor]:
    """Threads that are waited for, but not where an error or a signal ends the stage."""
    pool = ThreadPoolExecutor(n, "swflow-score", initializer=threadpool_limits, initargs=(1,))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def group_key(
    module: str, identities: dict[str, Any], inputs: Inputs, settings: ScoreSettings, seed: int
) -> str:
    """What a group's scores depend on, and nothing else; identities: those of its inputs."""
    made_of = {
        "code": score_code(module, *sampler_homes(inputs.sampler)),
        "settings": sizes(module, settings),
        "seed": seed,
        "inputs": identities,
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def sizes(module: str, settings: ScoreSettings) -> dict[str, Any]:
    """The sample sizes that a group depends on."""
    return {name: getattr(settings, name) for name in registry.constant(module, "SETTINGS")}


def sampler_homes(sampler: Sampler) -> list[str]:
    """Where the code of a sampler is at home, that of kinds that its settings hold included."""
    own = f"{type(sampler).__module__}:{type(sampler).__name__}"
    return [own, *homes(getattr(sampler, "settings", None))]


def records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows as JSON. Raises InputError where a value is not finite."""
    for row in rows:
        if not torch.isfinite(torch.tensor(row.value)):
            raise InputError(
                f"{row.metric} is {row.value} at entropy {row.entropy}, time {row.time}: what was "
                "scored holds numbers that are no use."
            )
    return [row._asdict() for row in rows]


def _subject(
    module: str, inputs: Inputs, settings: ScoreSettings, seed: int, workers: Executor
) -> Subject:
    """What a group says that it needs, and nothing else."""
    needed = registry.constant(module, "NEEDS")
    seen = inputs.features if "images" in needed else None
    return Subject(
        sampler=inputs.sampler,
        dataset=inputs.dataset if "dataset" in needed else cast(Dataset, None),
        draws=inputs.draws if "samples" in needed else (),
        references=inputs.runs if "references" in needed else (),
        settings=cast(ScoreSettings, SimpleNamespace(**sizes(module, settings))),
        seed=seed,
        workers=workers,
        working_set_bytes=inputs.working_set_bytes,
        images=inputs.images if seen is not None else None,
        features=seen,
        disjoint=inputs.disjoint if "disjoint" in needed else None,
    )
