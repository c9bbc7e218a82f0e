"""What the rules ask of the plan: inputs and params as functions of wildcards."""

import json
import sys

from swflow.settings import PARTICLES, TEST_SET
from swflow.study import registry
from swflow.study.roots import collected_code, dataset_code, pictured_code
from swflow.study.roots import simulation_code, training_code
from swflow.study.study import DATA


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


def reference_stores(wildcards):
    """What a row is scored against: the next seed's run, at every entropy (real rows: nothing)."""
    w = wildcards
    if w.teacher == DATA:
        return []
    seed = plan.seed_after(int(w.seed), 1)
    return flow_stores(w.dataset, w.teacher, seed, study.flows[w.teacher].entropies)


def sample_source(wildcards):
    """What a row draws from: its model, the run after the reference, or real rows."""
    w = wildcards
    if w.model == TEST_SET:
        return [f"results/datasets/{w.dataset}.h5"]
    if w.model == PARTICLES:
        seed = plan.seed_after(int(w.seed), 2)
        return flow_stores(w.dataset, w.teacher, seed, study.flows[w.teacher].entropies)
    return [f"results/models/{w.dataset}/{w.teacher}/{w.model}/seed{w.seed}"]


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
    times = plan.sampled_times(wildcards.teacher, wildcards.model)
    return " ".join(f"--time {t!r}" for t in times)


def dataset_file(wildcards):
    """A file that the dataset is read from, where there is one."""
    return study.datasets[wildcards.dataset].file or []


def simulation_settings(wildcards):
    """Settings of one simulation."""
    family = study.flows[wildcards.flow]
    entropy = next(e for e in family.entropies if f"{e:g}" == wildcards.entropy)
    return family.at(entropy)


def picture_samples(wildcards):
    """The first seed's samples of the flow and of every model of one experiment."""
    w = wildcards
    return [
        f"results/samples/{w.dataset}/{plan.teacher(w.flow, model)}/{model}/seed{study.seeds[0]}.h5"
        for model in plan.pictured_models(w.dataset, w.flow)
    ]


def score_files():
    """The scores of every row of every experiment at every seed."""
    return [
        f"results/scores/{r.dataset}/{r.teacher}/{r.model}/seed{r.seed}/{group}.json"
        for r in plan.rows()
        for group in plan.groups()
    ]


def timing_files():
    """The timings of every row that can be drawn afresh, at every seed."""
    return [
        f"results/timings/{r.dataset}/{r.teacher}/{r.model}/seed{r.seed}/timing.json"
        for r in plan.rows()
        if r.model != TEST_SET
    ]


def options(name, paths):
    """A command-line option for each path."""
    return " ".join(f"--{name} {path}" for path in paths)


def device():
    """Where heavy jobs run."""
    return "cuda" if study.gpus else "cpu"


def all_cores():
    """The cores that Snakemake may use here; on a cluster, those of a process of a heavy job."""
    cores = workflow.resource_settings.cores
    return cores if cores and cores < sys.maxsize else study.threads
