rule prepare:
    input:
        dataset_file,
    output:
        "results/datasets/{dataset}.h5",
    log:
        "results/logs/prepare/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}.tsv"
    params:
        settings=lambda w: study.datasets[w.dataset].canonical(),
        code=lambda w: dataset_code(study.datasets[w.dataset]),
    shell:
        "swflow prepare --settings {params.settings:q} --out {output} 2> {log}"
