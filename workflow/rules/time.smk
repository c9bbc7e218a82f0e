# Seconds are measured by jobs that have the machine to themselves: all cores here, and a node of
# its own in the cluster's profile.
rule time:
    input:
        of_all_seeds(source),
        of_all_seeds(references),
        "results/datasets/{dataset}.h5",
    output:
        expand(
            "results/timings/{{dataset}}/{{teacher}}/{{model}}/seed{seed}/timing.json",
            seed=study.seeds,
        ),
    log:
        "results/logs/time/{dataset}/{teacher}/{model}.log",
    benchmark:
        "results/benchmarks/time/{dataset}/{teacher}/{model}.tsv"
    threads: all_cores()
    resources:
        gpu=study.gpus,
    params:
        commands=time_commands,
        code=lambda w: plan.timing_code(w.model),
    shell:
        "printf '%s\\n' {params.commands:q} | swflow batch 2> {log}"
