rule simulate:
    input:
        "results/datasets/{dataset}.h5",
    output:
        directory("results/flows/{dataset}/{flow}/entropy{entropy}/seed{seed}.zarr"),
    log:
        "results/logs/simulate/{dataset}/{flow}/entropy{entropy}/seed{seed}.log",
    benchmark:
        "results/benchmarks/simulate/{dataset}/{flow}/entropy{entropy}/seed{seed}.tsv"
    # Before samples and scores: the longest jobs do not begin last.
    priority: 1
    threads: study.threads * study.processes
    resources:
        gpu=study.gpus * study.processes,
        processes=study.processes,
        mem_mb=simulation_mib,
    params:
        settings=lambda w: simulation_settings(w).canonical(),
        device=device(),
        code=lambda w: simulation_code(simulation_settings(w)),
    shell:
        "swflow simulate {input} --settings {params.settings:q} --seed {wildcards.seed}"
        " --device {params.device} --processes {resources.processes} --out {output} 2> {log}"
