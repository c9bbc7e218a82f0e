rule tabulate:
    input:
        "results/metrics.csv",
    output:
        multiext("results/tables/{table}", ".csv", ".md", ".tex"),
        report(
            "results/tables/{table}.html",
            caption="../report/caption.rst",
            category="Tables",
            labels={"name": "{table}"},
        ),
    log:
        "results/logs/tabulate/{table}.log",
    params:
        code=lambda w: plan.table_code(w.table),
    shell:
        "swflow tabulate {input} {wildcards.table} --out results/tables 2> {log}"


rule plot:
    input:
        "results/metrics.csv",
    output:
        "results/figures/{figure}.png",
        report(
            "results/figures/{figure}.svg",
            caption="../report/caption.rst",
            category="Figures",
            labels={"name": "{figure}"},
        ),
    log:
        "results/logs/plot/{figure}.log",
    wildcard_constraints:
        figure="[^/]+",
    params:
        names=names(),
        code=lambda w: plan.figure_code(w.figure),
    shell:
        "swflow plot {input} {wildcards.figure} --names {params.names:q}"
        " --out results/figures 2> {log}"


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
        names=names(),
        code=lambda w: pictured_code("times"),
    shell:
        "swflow picture {input.samples} --dataset {input.dataset} --entropy {wildcards.entropy}"
        " --names {params.names:q}"
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
        names=names(),
        code=lambda w: pictured_code("entropies"),
    shell:
        "swflow picture {input.samples} --dataset {input.dataset} --names {params.names:q}"
        " --out results/figures/strips/{wildcards.dataset}/{wildcards.flow} 2> {log}"


rule neighbours:
    input:
        samples=picture_samples,
        dataset="results/datasets/{dataset}.h5",
        seen=seen_in,
    output:
        "results/figures/neighbours/{dataset}/{flow}.svg",
        report(
            "results/figures/neighbours/{dataset}/{flow}.png",
            caption="../report/neighbours.rst",
            category="Samples",
            subcategory="beside training images",
            labels={"dataset": "{dataset}", "flow": "{flow}"},
        ),
    log:
        "results/logs/neighbours/{dataset}/{flow}.log",
    params:
        names=names(),
        code=lambda w: pictured_code("neighbours"),
    shell:
        "swflow neighbours {input.samples} --dataset {input.dataset} --names {params.names:q}"
        " --images {input.seen[0]} --features {input.seen[1]}"
        " --out results/figures/neighbours/{wildcards.dataset}/{wildcards.flow} 2> {log}"


rule interpolate:
    input:
        lambda w: f"results/models/{w.dataset}/{w.flow}/{w.model}/seed{study.seeds[0]}",
    output:
        "results/figures/interpolations/{dataset}/{flow}/{model}.svg",
        report(
            "results/figures/interpolations/{dataset}/{flow}/{model}.png",
            caption="../report/interpolation.rst",
            category="Samples",
            subcategory="between source points",
            labels={"dataset": "{dataset}", "flow": "{flow}", "model": "{model}"},
        ),
    log:
        "results/logs/interpolate/{dataset}/{flow}/{model}.log",
    params:
        code=lambda w: drawn_code("interpolation", *plan.homes(w.model)),
    shell:
        "swflow interpolate {input}"
        " --out results/figures/interpolations/{wildcards.dataset}/{wildcards.flow}/{wildcards.model}"
        " 2> {log}"


rule film:
    input:
        lambda w: f"results/models/{w.dataset}/{w.flow}/{w.model}/seed{study.seeds[0]}",
    output:
        report(
            "results/figures/films/{dataset}/{flow}/{model}.gif",
            caption="../report/film.rst",
            category="Samples",
            subcategory="moving",
            labels={"dataset": "{dataset}", "flow": "{flow}", "model": "{model}"},
        ),
    log:
        "results/logs/film/{dataset}/{flow}/{model}.log",
    params:
        code=lambda w: drawn_code("film", *plan.homes(w.model), function="moving"),
    shell:
        "swflow animate {input} -n 50 --frames 30 --rate 10 --out {output} 2> {log}"


rule completions:
    input:
        model=lambda w: f"results/models/{w.dataset}/{w.flow}/{w.model}/seed{study.seeds[0]}",
        dataset="results/datasets/{dataset}.h5",
    output:
        "results/figures/completions/{dataset}/{flow}/{model}.svg",
        report(
            "results/figures/completions/{dataset}/{flow}/{model}.png",
            caption="../report/completions.rst",
            category="Samples",
            subcategory="completed",
            labels={"dataset": "{dataset}", "flow": "{flow}", "model": "{model}"},
        ),
    log:
        "results/logs/completions/{dataset}/{flow}/{model}.log",
    params:
        code=lambda w: drawn_code("completions", *plan.homes(w.model)),
    shell:
        "swflow completions {input.model} --dataset {input.dataset}"
        " --out results/figures/completions/{wildcards.dataset}/{wildcards.flow}/{wildcards.model}"
        " 2> {log}"


rule tables:
    input:
        table_files,


rule figures:
    input:
        figure_files,
