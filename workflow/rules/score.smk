rule score:
    input:
        samples="results/samples/{dataset}/{teacher}/{model}/seed{seed}.h5",
        dataset="results/datasets/{dataset}.h5",
        source=sample_source,
        references=reference_stores,
    output:
        "results/scores/{dataset}/{teacher}/{model}/seed{seed}.json",
    log:
        "results/logs/score/{dataset}/{teacher}/{model}/seed{seed}.log",
    benchmark:
        "results/benchmarks/score/{dataset}/{teacher}/{model}/seed{seed}.tsv"
    threads: study.threads
    params:
        settings=study.score.canonical(),
        source=lambda w, input: " ".join(f"--source {path}" for path in input.source),
        references=lambda w, input: " ".join(
            f"--reference {path}" for path in input.references
        ),
        code=code_version("swflow.scoring"),
    shell:
        "swflow score {input.samples} {params.source} {params.references}"
        " --dataset {input.dataset} --settings {params.settings:q} --seed {wildcards.seed}"
        " --out {output} 2> {log}"
