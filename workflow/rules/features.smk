rule train_features:
    input:
        "results/datasets/{dataset}.h5",
    output:
        directory("results/features/{dataset}"),
    log:
        "results/logs/train_features/{dataset}.log",
    benchmark:
        "results/benchmarks/train_features/{dataset}.tsv"
    threads: study.threads
    resources:
        gpu=study.gpus,
    params:
        settings=study.features.canonical(),
        device=device(),
        code=lambda w: features_code(study.features),
    shell:
        "swflow train-features {input} --settings {params.settings:q}"
        " --device {params.device} --out {output} 2> {log}"
