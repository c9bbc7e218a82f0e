# One job for all groups of metrics of a row: it computes those that are missing or stale, and keeps
# the others (update).
rule score:
    input:
        samples="results/samples/{dataset}/{teacher}/{model}/seed{seed}.h5",
        dataset="results/datasets/{dataset}.h5",
        source=sample_source,
        references=reference_stores,
    output:
        update(
            expand(
                "results/scores/{{dataset}}/{{teacher}}/{{model}}/seed{{seed}}/{group}.json",
                group=plan.groups(),
            )
        ),
    log:
        "results/logs/score/{dataset}/{teacher}/{model}/seed{seed}.log",
    benchmark:
        "results/benchmarks/score/{dataset}/{teacher}/{model}/seed{seed}.tsv"
    threads: lambda w: min(all_cores(), plan.score_threads(w.teacher, w.model))
    params:
        groups=plan.groups(),
        settings=study.score.canonical(),
        source=lambda w, input: options("source", input.source),
        references=lambda w, input: options("reference", input.references),
        code=lambda w: plan.score_code(w.model),
    shell:
        "swflow score {params.groups} --samples {input.samples} {params.source}"
        " {params.references} --dataset {input.dataset} --settings {params.settings:q}"
        " --seed {wildcards.seed}"
        " --out results/scores/{wildcards.dataset}/{wildcards.teacher}/{wildcards.model}/seed{wildcards.seed}"
        " 2> {log}"
