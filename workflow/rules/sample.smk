rule sample:
    input:
        source=lambda w: source(w, int(w.seed)),
        completed=completed,
    output:
        "results/samples/{dataset}/{teacher}/{model}/seed{seed}.h5",
    log:
        "results/logs/sample/{dataset}/{teacher}/{model}/seed{seed}.log",
    benchmark:
        "results/benchmarks/sample/{dataset}/{teacher}/{model}/seed{seed}.tsv"
    threads: study.threads
    resources:
        gpu=model_gpus,
    params:
        device=lambda w: device(model_gpus(w)),
        settings=study.sample.canonical(),
        entropies=sampled_entropies,
        times=sampled_times,
        complete=lambda w, input: paired(["complete"], input.completed),
        code=lambda w: plan.sampling_code(w.model),
    shell:
        "swflow sample {input.source} {params.entropies} {params.times} {params.complete}"
        " --settings {params.settings:q} --seed {wildcards.seed} --device {params.device}"
        " --out {output} 2> {log}"
