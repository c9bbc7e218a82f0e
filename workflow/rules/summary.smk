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
        reported("tables", study.tables(), ["csv", "md", "tex", "html"], "html"),
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
        reported("figures", study.figures(), ["svg", "png"], "svg"),
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
        "results/figures/samples/{dataset}/{flow}/entropy{entropy}.svg",
        report(
            "results/figures/samples/{dataset}/{flow}/entropy{entropy}.png",
            caption="../report/samples.rst",
            category="Samples",
            subcategory="over time",
            labels={"dataset": "{dataset}", "flow": "{flow}", "entropy": "{entropy}"},
        ),
    log:
        "results/logs/picture/{dataset}/{flow}/entropy{entropy}.log",
    params:
        code=code_version("swflow.pictures"),
    shell:
        "swflow picture {input.samples} --dataset {input.dataset} --entropy {wildcards.entropy}"
        " --out results/figures/samples/{wildcards.dataset}/{wildcards.flow}/entropy{wildcards.entropy}"
        " 2> {log}"


rule strip:
    input:
        samples=picture_samples,
        dataset="results/datasets/{dataset}.h5",
    output:
        "results/figures/strips/{dataset}/{flow}.svg",
        report(
            "results/figures/strips/{dataset}/{flow}.png",
            caption="../report/strip.rst",
            category="Samples",
            subcategory="over entropy",
            labels={"dataset": "{dataset}", "flow": "{flow}"},
        ),
    log:
        "results/logs/strip/{dataset}/{flow}.log",
    params:
        code=code_version("swflow.pictures"),
    shell:
        "swflow picture {input.samples} --dataset {input.dataset}"
        " --out results/figures/strips/{wildcards.dataset}/{wildcards.flow} 2> {log}"


rule tables:
    input:
        rules.tabulate.output,


rule figures:
    input:
        rules.plot.output,
        expand(
            "results/figures/samples/{picture}.{ending}",
            picture=study.pictures(),
            ending=["svg", "png"],
        ),
        expand(
            "results/figures/strips/{strip}.{ending}",
            strip=study.strips(),
            ending=["svg", "png"],
        ),
