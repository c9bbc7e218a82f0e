"""The pipeline: config -> validated settings -> stages, in the data's order."""

from pathlib import Path

from snakemake.exceptions import WorkflowError

from swflow.runtime.errors import InputError
from swflow.runtime.yaml import config as read_config
from swflow.settings import parse_settings
from swflow.study.former import refuse_former_results
from swflow.study.plan import Plan
from swflow.study.study import Study


configfile: f"{workflow.basedir}/config.yaml"


report: "workflow/report/study.rst"


try:
    # Snakemake lets a key stand twice, and takes the last. Jobs of a cluster were planned by then.
    for path in workflow.configfiles if workflow.is_main_process else ():
        read_config(Path(path))
    # A module's second `use rule` includes this file again, over the config that it changed.
    given = {key: value for key, value in config.items() if key != "captions"}
    study = parse_settings(Study, given, "config")
    plan = Plan(study)
    refuse_former_results("results")
except InputError as error:
    raise WorkflowError(str(error))
if workflow.is_main_process:  # where a report is made
    config["captions"] = plan.captions()


include: "workflow/rules/common.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/autoencoder.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/time.smk"
include: "workflow/rules/collect.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,


onstart:
    # With a limit Snakemake 9 looks again at all jobs every so often, for ever, once more for each
    # that ended: of hundreds, a third of a core. Its default, 100 jobs a second, is none.
    limit = workflow.scheduler.job_rate_limiter
    if limit is not None and limit.max_jobs >= 100 * limit.timespan:
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    # No failure of a study whose benchmark files were removed.
    shell("swflow shares results/benchmarks || true")
