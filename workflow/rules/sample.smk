rule sample:
    input:
        sample_source,
    output:
        "results/samples/{dataset}/{teacher}/{model}/seed{seed}.h5",
    log:
        "results/logs/sample/{dataset}/{teacher}/{model}/seed{seed}.log",
    benchmark:
        "results/benchmarks/sample/{dataset}/{teacher}/{model}/seed{seed}.tsv"
    threads: study.threads
    params:
        settings=study.sample.canonical(),
        points=sampled_points,
        code=code_version("swflow.sampling"),
    shell:
        "swflow sample {input} {params.points} --settings {params.settings:q}"
        " --seed {wildcards.seed} --out {output} 2> {log}"
