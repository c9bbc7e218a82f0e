"""What the rules ask of the study: inputs and params as functions of wildcards."""

from swflow.provenance import code_version
from swflow.settings import PARTICLES, TEST_SET


def flow_stores(dataset, flow, seed, entropies):
    """The stores of one run of a flow, one for each entropy."""
    return [
        f"results/flows/{dataset}/{flow}/entropy{entropy:g}/seed{seed}.zarr"
        for entropy in entropies
    ]


def teacher_stores(wildcards):
    """What a model learns from: its own seed's run, or no flow."""
    w = wildcards
    if w.teacher == "data":
        return []
    entropies = study.model_entropies(w.teacher, w.model)
    return flow_stores(w.dataset, w.teacher, w.seed, entropies)


def reference_stores(wildcards):
    """What a row is scored against: the next seed's run, at every entropy (real rows: nothing)."""
    w = wildcards
    if w.teacher == "data":
        return []
    seed = study.seed_after(int(w.seed), 1)
    return flow_stores(w.dataset, w.teacher, seed, study.flows[w.teacher].entropies)


def sample_source(wildcards):
    """What a row draws from: its model, the run after the reference, or real rows."""
    w = wildcards
    if w.model == TEST_SET:
        return [f"results/datasets/{w.dataset}.h5"]
    if w.model == PARTICLES:
        seed = study.seed_after(int(w.seed), 2)
        return flow_stores(w.dataset, w.teacher, seed, study.flows[w.teacher].entropies)
    return [f"results/models/{w.dataset}/{w.teacher}/{w.model}/seed{w.seed}"]


def sampled_points(wildcards):
    """Command-line options for the entropies and times at which a row is drawn."""
    if wildcards.teacher == "data":
        return ""
    entropies = study.sampled_entropies(wildcards.teacher, wildcards.model)
    times = study.sampled_times(wildcards.teacher, wildcards.model)
    return " ".join(
        [*(f"--entropy {e:g}" for e in entropies), *(f"--time {t!r}" for t in times)]
    )


def dataset_file(wildcards):
    """A file that the dataset is read from, where there is one."""
    return getattr(study.datasets[wildcards.dataset], "path", [])


def simulation_settings(wildcards):
    """Canonical settings of one simulation."""
    family = study.flows[wildcards.flow]
    entropy = next(e for e in family.entropies if f"{e:g}" == wildcards.entropy)
    return family.at(entropy).canonical()


def picture_samples(wildcards):
    """The first seed's samples of the flow and of every model of one experiment."""
    w = wildcards
    models = [
        model
        for e in study.experiments
        if (e.dataset, e.flow) == (w.dataset, w.flow)
        for model in e.models
    ]
    seed = study.seeds[0]
    return [
        f"results/samples/{w.dataset}/{study.teacher(w.flow, model)}/{model}/seed{seed}.h5"
        for model in [PARTICLES, *dict.fromkeys(models)]
    ]


def score_files():
    """The scores of every row of every experiment at every seed."""
    return [
        f"results/scores/{r.dataset}/{r.teacher}/{r.model}/seed{r.seed}.json"
        for r in study.runs()
    ]


def reported(folder, names, endings, shown):
    """Products of one folder: of each name, the one in `shown` appears in the report."""
    place = {"category": folder.capitalize()}
    products = []
    for name in names:
        caption = f"../report/{name}.rst"
        for ending in endings:
            path = f"results/{folder}/{name}.{ending}"
            if ending == shown:
                path = report(path, caption=caption, labels={"name": name}, **place)
            products.append(path)
    return products


def device():
    """Where heavy jobs run."""
    return "cuda" if study.gpus else "cpu"
