rule train_autoencoder:
    input:
        lambda w: made_of(w)[0],
    output:
        directory("results/autoencoders/{dataset}"),
    log:
        "results/logs/train_autoencoder/{dataset}.log",
    benchmark:
        "results/benchmarks/train_autoencoder/{dataset}.tsv"
    # Before all that waits for its latents.
    priority: 2
    threads: study.threads
    resources:
        gpu=study.gpus,
    params:
        settings=lambda w: study.datasets[w.dataset].fitted.canonical(),
        device=device(),
        code=lambda w: autoencoder_code(study.datasets[w.dataset]),
    shell:
        "swflow train-autoencoder {input} --settings {params.settings:q}"
        " --device {params.device} --out {output} 2> {log}"
