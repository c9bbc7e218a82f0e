rule train:
    input:
        dataset="results/datasets/{dataset}.h5",
        stores=teacher_stores,
    output:
        directory("results/models/{dataset}/{teacher}/{model}/seed{seed}"),
    log:
        "results/logs/train/{dataset}/{teacher}/{model}/seed{seed}.log",
    benchmark:
        "results/benchmarks/train/{dataset}/{teacher}/{model}/seed{seed}.tsv"
    # Before samples and scores: the longest jobs do not begin last.
    priority: 1
    threads: study.threads
    resources:
        gpu=model_gpus,
        mem_mb=training_mib,
    params:
        settings=lambda w: study.models[w.model].canonical(),
        device=lambda w: device(model_gpus(w)),
        code=lambda w: training_code(study.models[w.model]),
    shell:
        "swflow train {input.stores} --dataset {input.dataset}"
        " --settings {params.settings:q} --seed {wildcards.seed}"
        " --device {params.device} --out {output} 2> {log}"
