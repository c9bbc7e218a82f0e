rule prepare:
    input:
        dataset_files,
        made_of,
    output:
        "results/datasets/{dataset}.h5",
    log:
        "results/logs/prepare/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}.tsv"
    params:
        settings=lambda w: study.datasets[w.dataset].canonical(),
        made_of=lambda w: paired(["images", "autoencoder"], made_of(w)),
        files=files_state,
        code=lambda w: dataset_code(study.datasets[w.dataset]),
    shell:
        "swflow prepare --settings {params.settings:q} {params.made_of} --out {output} 2> {log}"
