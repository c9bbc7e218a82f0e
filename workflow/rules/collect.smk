rule collect:
    input:
        score_files,
        timing_files,
    output:
        "results/metrics.csv",
    log:
        "results/logs/collect.log",
    params:
        floors=lambda w: json.dumps(registry.floors()),
        code=lambda w: collected_code(),
    shell:
        "swflow collect {input} --out {output} 2> {log}"
