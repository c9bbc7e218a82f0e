# One job for all seeds and groups of metrics of a row: starting Python costs as much as many groups.
# It computes what is missing or stale, and keeps the rest (update).
rule score:
    input:
        expand(
            "results/samples/{{dataset}}/{{teacher}}/{{model}}/seed{seed}.h5",
            seed=study.seeds,
        ),
        of_all_seeds(source),
        of_all_seeds(references),
        of_all_seeds(disjoint_source),
        "results/datasets/{dataset}.h5",
        seen_in,
    output:
        update(
            expand(
                "results/scores/{{dataset}}/{{teacher}}/{{model}}/seed{seed}/{group}.json",
                seed=study.seeds,
                group=plan.groups(),
            )
        ),
    log:
        "results/logs/score/{dataset}/{teacher}/{model}.log",
    benchmark:
        "results/benchmarks/score/{dataset}/{teacher}/{model}.tsv"
    threads: lambda w: min(all_cores(), plan.score_threads(w.teacher, w.model))
    resources:
        gpu=model_gpus,
    params:
        commands=score_commands,
        code=lambda w: plan.score_code(w.model),
    shell:
        "printf '%s\\n' {params.commands:q} | swflow batch 2> {log}"
