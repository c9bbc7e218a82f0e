"""The pipeline: config -> validated settings -> stages, in the data's order."""

from snakemake.exceptions import WorkflowError

from swflow.errors import InputError
from swflow.settings import Study, parse_settings


configfile: f"{workflow.basedir}/config.yaml"


report: "workflow/report/study.rst"


try:
    study = parse_settings(Study, config, "config")
except InputError as error:
    raise WorkflowError(str(error))


include: "workflow/rules/common.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/summary.smk"


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,


onsuccess:
    shell("swflow shares results/benchmarks")
