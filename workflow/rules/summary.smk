rule collect:
    input:
        score_files(),
    output:
        "results/metrics.csv",
    log:
        "results/logs/collect.log",
    params:
        code=code_version("swflow.summary"),
    shell:
        "swflow collect {input} --out {output} 2> {log}"


rule tabulate:
    input:
        "results/metrics.csv",
    output:
        expand(
            "results/tables/{table}.{ending}",
            table=study.tables(),
            ending=["csv", "md", "tex"],
        ),
    log:
        "results/logs/tabulate.log",
    params:
        tables=study.tables(),
        code=code_version("swflow.tables"),
    shell:
        "swflow tabulate {input} {params.tables} --out results/tables 2> {log}"


rule plot:
    input:
        "results/metrics.csv",
    output:
        expand(
            "results/figures/{figure}.{ending}",
            figure=study.figures(),
            ending=["svg", "png"],
        ),
    log:
        "results/logs/plot.log",
    params:
        figures=study.figures(),
        code=code_version("swflow.figures"),
    shell:
        "swflow plot {input} {params.figures} --out results/figures 2> {log}"


rule picture:
    input:
        samples=picture_samples,
        dataset="results/datasets/{dataset}.h5",
    output:
        "results/figures/samples/{dataset}/{flow}.svg",
        "results/figures/samples/{dataset}/{flow}.png",
    log:
        "results/logs/picture/{dataset}/{flow}.log",
    params:
        code=code_version("swflow.figures"),
    shell:
        "swflow picture {input.samples} --dataset {input.dataset}"
        " --out results/figures/samples/{wildcards.dataset}/{wildcards.flow} 2> {log}"


rule tables:
    input:
        rules.tabulate.output,


rule figures:
    input:
        rules.plot.output,
        expand(
            "results/figures/samples/{pair}.{ending}",
            pair=[f"{e.dataset}/{e.flow}" for e in study.experiments],
            ending=["svg", "png"],
        ),
