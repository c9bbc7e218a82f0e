rule sample:
    input:
        lambda w: source(w, int(w.seed)),
    output:
        "results/samples/{dataset}/{teacher}/{model}/seed{seed}.h5",
    log:
        "results/logs/sample/{dataset}/{teacher}/{model}/seed{seed}.log",
    benchmark:
        "results/benchmarks/sample/{dataset}/{teacher}/{model}/seed{seed}.tsv"
    threads: study.threads
    params:
        settings=study.sample.canonical(),
        entropies=sampled_entropies,
        times=sampled_times,
        code=lambda w: plan.sampling_code(w.model),
    shell:
        "swflow sample {input} {params.entropies} {params.times}"
        " --settings {params.settings:q} --seed {wildcards.seed} --out {output} 2> {log}"
