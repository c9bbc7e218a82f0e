# Seconds are measured by jobs that have the machine to themselves: all cores here, and a node of
# its own in the cluster's profile.
rule time:
    input:
        dataset="results/datasets/{dataset}.h5",
        source=sample_source,
        references=reference_stores,
    output:
        "results/timings/{dataset}/{teacher}/{model}/seed{seed}/timing.json",
    log:
        "results/logs/time/{dataset}/{teacher}/{model}/seed{seed}.log",
    benchmark:
        "results/benchmarks/time/{dataset}/{teacher}/{model}/seed{seed}.tsv"
    threads: all_cores()
    params:
        settings=study.score.canonical(),
        entropies=sampled_entropies,
        references=lambda w, input: options("reference", input.references),
        code=lambda w: plan.timing_code(w.model),
    shell:
        "swflow time {input.source} {params.references} {params.entropies}"
        " --dataset {input.dataset} --settings {params.settings:q} --seed {wildcards.seed}"
        " --out {output} 2> {log}"
