"""What the rules ask of the plan: inputs and params as functions of wildcards.

Functions, where a value takes time: each job of a cluster reads all rules, and needs what its own
one asks.
"""

import json
import math
import os
import shlex
import sys
from pathlib import Path

from swflow.flow.memory import simulation_bytes
from swflow.runtime.files import state_below
from swflow.settings import PARTICLES, TEST_SET
from swflow.study import registry
from swflow.study.plan import Row
from swflow.study.roots import (
    autoencoder_code,
    collected_code,
    dataset_code,
    drawn_code,
    features_code,
    pictured_code,
)
from swflow.study.roots import simulation_code, training_code
from swflow.study.study import DATA

SNAKEMAKE_MIB = 500  # of a job: Snakemake on the node, and what starts processes
TRAINING_MIB = 7000  # beside the pool of pairs


def flow_stores(dataset, flow, seed, entropies):
    """The stores of one run of a flow, one for each entropy."""
    return [
        f"results/flows/{dataset}/{flow}/entropy{entropy:g}/seed{seed}.zarr"
        for entropy in entropies
    ]


def teacher_stores(wildcards):
    """What a model learns from: its own seed's run, or no flow."""
    w = wildcards
    if w.teacher == DATA:
        return []
    entropies = plan.learned_entropies(w.teacher, w.model)
    return flow_stores(w.dataset, w.teacher, w.seed, entropies)


def references(row, seed):
    """What a row is scored against: the next seed's run, at every entropy (real rows: nothing)."""
    if row.teacher == DATA:
        return []
    entropies = study.flows[row.teacher].entropies
    return flow_stores(row.dataset, row.teacher, plan.seed_after(seed, 1), entropies)


def source(row, seed):
    """What a row draws from: its model, the run after the reference, or real rows."""
    if row.model == TEST_SET:
        return [f"results/datasets/{row.dataset}.h5"]
    if row.model == PARTICLES:
        entropies = study.flows[row.teacher].entropies
        return flow_stores(
            row.dataset, row.teacher, plan.seed_after(seed, 2), entropies
        )
    return [f"results/models/{row.dataset}/{row.teacher}/{row.model}/seed{seed}"]


def disjoint_source(row, seed):
    """The same of other training rows, where a row is compared over these."""
    other = plan.disjoint(row.dataset, row.teacher, row.model)
    if other is None:
        return []
    return source(Row(other, row.teacher, row.model, seed), seed)


def of_all_seeds(of):
    """An input function of wildcards without a seed: what `of(row, seed)` says of each."""
    return lambda row: list(
        dict.fromkeys(path for seed in study.seeds for path in of(row, seed))
    )


def sampled_entropies(wildcards):
    """Command-line options for the entropies at which a row is drawn."""
    if wildcards.teacher == DATA:
        return ""
    entropies = plan.sampled_entropies(wildcards.teacher, wildcards.model)
    return " ".join(f"--entropy {e:g}" for e in entropies)


def sampled_times(wildcards):
    """Command-line options for the times at which a row is drawn."""
    if wildcards.teacher == DATA:
        return ""
    times = plan.sampled_times(wildcards.teacher)
    return " ".join(f"--time {t!r}" for t in times)


def dataset_files(wildcards):
    """What the dataset is read from, where that lies in files."""
    return study.datasets[wildcards.dataset].files


def files_state(wildcards):
    """What lies in folders that it is read from: Snakemake looks at these themselves alone."""
    return [state_below(path) for path in dataset_files(wildcards) if path.is_dir()]


def made_of(wildcards):
    """The images and the autoencoder that latents are made of; nothing of other datasets."""
    of = study.datasets[wildcards.dataset].made_of
    if of is None:
        return []
    encoder = study.autoencoder_of(wildcards.dataset)
    return [f"results/datasets/{of}.h5", f"results/autoencoders/{encoder}"]


def seen_in(wildcards):
    """The images that rows are or stand for, and the features that they are seen in."""
    of = study.images_of(wildcards.dataset)
    if of is None:
        return []
    return [f"results/datasets/{of}.h5", f"results/features/{of}"]


def completed(wildcards):
    """The dataset whose held-out images a row completes; nothing of rows that complete none."""
    w = wildcards
    completes = plan.completes(w.teacher, w.model)
    return [f"results/datasets/{w.dataset}.h5"] if completes else []


def simulation_settings(wildcards):
    """Settings of one simulation."""
    family = study.flows[wildcards.flow]
    entropy = next(e for e in family.entropies if f"{e:g}" == wildcards.entropy)
    return family.at(entropy)


def simulation_mib(wildcards, input, attempt):
    """Memory of a simulation's job, with room: twice, then three times where it failed."""
    # Arrays: only where a dataset is there to be looked at.
    from swflow.store.dataset import dataset_sizes

    (dataset,) = input
    os.stat(dataset)  # before it is made Snakemake waits, for this error alone
    try:
        sizes = dataset_sizes(Path(dataset))
    except InputError as error:
        raise WorkflowError(str(error))
    each = simulation_bytes(simulation_settings(wildcards), sizes)
    return attempt * (SNAKEMAKE_MIB + math.ceil(1.25 * study.processes * each / 2**20))


def training_mib(wildcards, attempt):
    """Memory of a training's job, with its pool of pairs: twice, then three times."""
    pool = getattr(study.models[wildcards.model], "pool_gib", 0)
    return attempt * math.ceil(TRAINING_MIB + 1024 * pool)


def names():
    """What figures call presets."""
    return json.dumps(study.names, ensure_ascii=False)


def picture_samples(wildcards):
    """The first seed's samples of the flow and of every model of one experiment."""
    w = wildcards
    return [
        f"results/samples/{w.dataset}/{plan.teacher(w.flow, model)}/{model}/seed{study.seeds[0]}.h5"
        for model in plan.pictured_models(w.dataset, w.flow)
    ]


def score_files(wildcards):
    """The scores of every row of every experiment at every seed."""
    return [
        f"results/scores/{r.dataset}/{r.teacher}/{r.model}/seed{r.seed}/{group}.json"
        for r in plan.rows()
        for group in plan.groups()
    ]


def timing_files(wildcards):
    """The timings of every row that can be drawn afresh, at every seed, where they are wanted."""
    if not study.report.timings:
        return []
    return [
        f"results/timings/{r.dataset}/{r.teacher}/{r.model}/seed{r.seed}/timing.json"
        for r in plan.rows()
        if r.model != TEST_SET
    ]


def table_files(wildcards):
    """Every table, in all its formats."""
    return expand(
        "results/tables/{table}.{ending}",
        table=plan.tables(),
        ending=["csv", "md", "tex", "html"],
    )


def figure_files(wildcards):
    """Every figure and picture, both ways, and every film."""
    drawn = [
        *plan.figures(),
        *(f"samples/{picture}" for picture in plan.pictures()),
        *(f"strips/{strip}" for strip in plan.strips()),
        *(f"neighbours/{picture}" for picture in plan.neighbours()),
        *(f"interpolations/{picture}" for picture in plan.interpolations()),
        *(f"completions/{picture}" for picture in plan.completions()),
    ]
    return [
        *expand("results/figures/{name}.{ending}", name=drawn, ending=["svg", "png"]),
        *expand("results/figures/films/{film}.gif", film=plan.interpolations()),
    ]


def score_commands(row):
    """Commands that score a row, one for each seed."""
    place = f"{row.dataset}/{row.teacher}/{row.model}"
    seen = paired(["images", "features"], seen_in(row))
    return [
        f"score {' '.join(plan.groups())} --dataset results/datasets/{row.dataset}.h5"
        f" --samples results/samples/{place}/seed{seed}.h5 {_compared(row, seed)} {seen}"
        f" {_options('disjoint', disjoint_source(row, seed))}"
        f" --device {device(model_gpus(row))} --out results/scores/{place}/seed{seed}"
        for seed in study.seeds
    ]


def time_commands(row):
    """Commands that time a row, one for each seed."""
    names = registry.constant("swflow.metrics.timing", "SETTINGS")
    sizes = study.score.model_dump(mode="json", include=set(names))
    timed = f"--settings {shlex.quote(json.dumps(sizes))}"
    return [
        f"time {' '.join(source(row, seed))} --dataset results/datasets/{row.dataset}.h5"
        f" {_options('reference', references(row, seed))} {sampled_entropies(row)}"
        f" {timed} --seed {seed} --device {device()}"
        f" --out results/timings/{row.dataset}/{row.teacher}/{row.model}/seed{seed}/timing.json"
        for seed in study.seeds
    ]


def _compared(row, seed):
    sources = _options("source", source(row, seed))
    return f"{sources} {_options('reference', references(row, seed))} {_measured(seed)}"


def _measured(seed):
    return f"--settings {shlex.quote(study.score.canonical())} --seed {seed}"


def paired(options, paths):
    """An option for each path; nothing where there are no paths."""
    return " ".join(f"--{option} {path}" for option, path in zip(options, paths))


def _options(name, paths):
    return " ".join(f"--{name} {path}" for path in paths)


def device(gpus=study.gpus):
    """Where heavy jobs run."""
    return "cuda" if gpus else "cpu"


def model_gpus(wildcards):
    """GPUs of a job that trains a model or draws from one: none where that is no network."""
    return study.gpus if plan.by_network(wildcards.model) else 0


def all_cores():
    """The cores that Snakemake may use here; on a cluster, those of a process of a heavy job."""
    cores = workflow.resource_settings.cores
    # A cluster's job is told to use all cores of its node, of which it may hold fewer.
    known = not workflow.remote_exec and cores and cores < sys.maxsize
    return cores if known else study.threads
