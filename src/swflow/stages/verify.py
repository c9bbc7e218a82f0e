"""Check the products of a study: whole, made of what lies beside them, and nothing else there."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from swflow.runtime.errors import InputError
from swflow.runtime.progress import progress
from swflow.settings import PARTICLES, TEST_SET
from swflow.stages.collect import read_metrics
from swflow.stages.findings import (
    DAMAGED,
    FOREIGN,
    LEFT,
    STALE,
    UNFINISHED,
    Finding,
    damaged,
    same,
    stale,
)
from swflow.stages.verify_report import collected, drawn, tabulated
from swflow.store.dataset import read_dataset
from swflow.store.model import DESCRIPTION, is_model, read_model
from swflow.store.samples import read_attributes, read_samples, samples_digest
from swflow.store.scores import read_inputs, read_scores
from swflow.store.trajectory import TrajectoryStore

# What lies in a folder of results that is no product.
OTHERS = {"logs", "benchmarks", "reference"}
HIDDEN = ".snakemake_timestamp"


class Products:
    """A folder of results."""

    def __init__(self, results: Path) -> None:
        """Raises InputError where there is no such folder."""
        if not results.is_dir():
            raise InputError(f"{results}: no such folder; give the results of a study.")
        self.results = results

    def findings(self) -> Iterator[Finding]:
        """All that is wrong, in the order of the stages; nothing where all is well."""
        paths = [path for paths in self.products().values() for path in paths]
        known = set(paths)
        checks = {
            "datasets": self._dataset,
            "autoencoders": self._fitted_to_images,
            "features": self._fitted_to_images,
            "flows": self._flow,
            "models": self._model,
            "samples": self._samples,
            "scores": self._scores,
            "timings": self._timings,
        }
        for room, found in self.products().items():
            for path in progress(f"verify {room}", found):
                try:
                    yield from checks[room](path)
                except InputError as error:
                    yield damaged(path, error)
                except (KeyError, TypeError, ValueError) as error:
                    yield Finding(path, DAMAGED, f"what it says of itself is incomplete ({error})")
        yield from self._report()
        yield from self._rest(known)

    @cache  # noqa: B019 (one for a command)
    def products(self) -> dict[str, list[Path]]:
        """The products of each stage whose files are read whole."""
        places = {
            "datasets": "datasets/*.h5",
            "autoencoders": "autoencoders/*/",
            "features": "features/*/",
            "flows": "flows/*/*/entropy*/seed*.zarr/",
            "models": "models/*/*/*/seed*/",
            "samples": "samples/*/*/*/seed*.h5",
            "scores": "scores/*/*/*/seed*/*.json",
            "timings": "timings/*/*/*/seed*/timing.json",
        }
        return {
            room: sorted(path for path in self.results.glob(place) if path.suffix not in LEFT)
            for room, place in places.items()
        }

    # One method for each stage.

    def _dataset(self, path: Path) -> Iterator[Finding]:
        self._digest(path.stem)
        return iter(())

    def _fitted_to_images(self, folder: Path) -> Iterator[Finding]:
        said = read_model(folder).description
        yield from self._of_dataset(folder, str(said.get("images")), said.get("dataset_digest"))

    def _flow(self, path: Path) -> Iterator[Finding]:
        store = TrajectoryStore(path)
        store.check()
        dataset, _, entropy, seed = path.relative_to(self.results / "flows").parts
        said = store.attributes
        yield from self._of_dataset(path, dataset, said.get("dataset_digest"))
        written = json.loads(said["settings"])["entropy"], said["seed"]
        placed = f"entropy{written[0]:g}", f"seed{written[1]}.zarr"
        if placed != (entropy, seed):
            yield Finding(path, FOREIGN, f"a run at entropy {written[0]:g} of seed {written[1]}")

    def _model(self, folder: Path) -> Iterator[Finding]:
        said = read_model(folder).description
        dataset, teacher, _, seed = folder.relative_to(self.results / "models").parts
        yield from self._of_dataset(folder, dataset, said.get("dataset_digest"))
        if f"seed{said.get('seed')}" != seed:
            yield Finding(folder, FOREIGN, f"a model of seed {said.get('seed')}")
        present = self._runs(dataset, teacher, seed)
        whole = present and None not in present
        if whole and not set(said.get("stores", ())) <= present:
            yield Finding(folder, STALE, "it learned from runs that are not those of its flow")

    def _samples(self, path: Path) -> Iterator[Finding]:
        said = read_attributes(path)
        if samples_digest(read_samples(path)) != said["digest"]:
            raise InputError(f"{path}: the draws are not those that were written.")
        *row, seed = path.relative_to(self.results / "samples").parts
        if "source" in said:
            source = json.loads(said["source"])
            yield from self._of_source(path, source, (*row, seed.removesuffix(".h5")))

    def _scores(self, path: Path) -> Iterator[Finding]:
        yield from self._timings(path)
        *row, seed, _ = path.relative_to(self.results / "scores").parts
        made_of = read_inputs(path)
        samples = self.results.joinpath("samples", *row, f"{seed}.h5")
        yield from same(path, made_of.get("samples"), _drawn_digest(samples), "its samples")
        if "dataset" in made_of:
            yield from self._of_dataset(path, row[0], made_of["dataset"])
        yield from self._of_source(path, made_of.get("source"), (*row, seed))
        runs = self._runs(*row[:2])
        if None not in runs and not set(made_of.get("references", ())) <= runs:
            yield stale(path, "the runs that it was compared with")

    def _timings(self, path: Path) -> Iterator[Finding]:
        for row in read_scores(path):
            value = row.get("value")
            if not isinstance(value, (int, float)) or not np.isfinite(value):
                yield Finding(path, DAMAGED, f"{row.get('metric')} is {value!r}")
                return

    # What is made of all scores.

    def _report(self) -> Iterator[Finding]:
        """Metrics, tables and figures."""
        metrics, table = self.results / "metrics.csv", None
        if metrics.is_file():
            try:
                table = read_metrics(metrics)
                paths = [*self.products()["scores"], *self.products()["timings"]]
                yield from collected(metrics, table, paths)
            except InputError as error:
                yield damaged(metrics, error)
        for path in sorted(self.results.glob("tables/*.csv")):
            if table is not None:
                yield from tabulated(path, table)
        for path in sorted(self.results.glob("figures/**/*.*")):
            yield from drawn(path)

    def _rest(self, known: set[Path]) -> Iterator[Finding]:
        """What was left, and what no stage makes."""
        rooms = {*self.products(), *OTHERS, "metrics.csv", "tables", "figures"}
        for path in sorted(self.results.iterdir()):
            if path.name not in rooms and not path.name.startswith(".") and path.suffix not in LEFT:
                yield Finding(path, FOREIGN, "no stage makes this", "move it elsewhere")
        for room in self.products():
            for path in sorted((self.results / room).rglob("*")):
                below = any(parent in known for parent in path.parents)
                if below or path in known or path.name == HIDDEN:
                    continue
                if path.suffix in LEFT:
                    yield Finding(path, UNFINISHED, "an interrupted job left this", "run it again")
                elif not any(parent.suffix in LEFT for parent in path.parents) and path.is_file():
                    yield Finding(path, FOREIGN, "no stage makes this", "move it elsewhere")

    # What lies beside.

    @cache  # noqa: B019 (one for a command)
    def _digest(self, dataset: str) -> str | None:
        """The content of a dataset; None where its file is not there."""
        path = self.results / "datasets" / f"{dataset}.h5"
        return read_dataset(path, streamed=True).digest if path.is_file() else None

    def _of_dataset(self, path: Path, dataset: str, digest: object) -> Iterator[Finding]:
        """Whether a product was made of the dataset that is there."""
        try:
            found = self._digest(dataset)
        except InputError:
            return  # said of the dataset
        yield from same(path, digest, found, f"{dataset}.h5")

    @cache  # noqa: B019 (one for a command)
    def _runs(self, dataset: str, teacher: str, seed: str = "seed*") -> set[str | None]:
        """What identifies the runs of a flow that are there."""
        stores = self.results / "flows" / dataset / teacher
        paths = (path for path in stores.glob(f"entropy*/{seed}.zarr") if path.suffix not in LEFT)
        return {_identity(path) for path in paths}

    def _of_source(self, path: Path, said: object, row: tuple[str, ...]) -> Iterator[Finding]:
        """Whether draws, or their scores, are of the model, the runs or the rows that are there."""
        dataset, teacher, model, _ = row
        folder = self.results.joinpath("models", *row)
        if is_model(folder):
            yield from same(path, said, _identity(folder), "its model")
        elif model == PARTICLES and isinstance(said, list):
            runs = self._runs(dataset, teacher)  # draws of a seed are of a later one's run
            if runs and None not in runs and not set(said) <= runs:
                yield stale(path, "its runs")
        elif model == TEST_SET:
            yield from self._of_dataset(path, dataset, said)


def _drawn_digest(samples: Path) -> object:
    """Of a file of samples; None where it is not there or cannot be read."""
    try:
        return read_attributes(samples).get("digest")
    except InputError:
        return None


def _identity(path: Path) -> Any:
    """Of a model folder or a store; None where it cannot be read, which is said of itself."""
    try:
        if (path / DESCRIPTION).is_file():
            return read_model(path).description["identity"]
        return TrajectoryStore(path).identity
    except InputError:
        return None
