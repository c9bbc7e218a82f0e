PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Rules call `swflow`: the environment must be first in PATH.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: help results paper ablation generalisation report test stress benchmarks lint format clean
.PHONY: reference reference-paper reference-ablation reference-generalisation
.DEFAULT_GOAL := help

help:  ## Show this help
	@grep -E '^[a-z -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 34

results: $(STAMP)  ## Install, then run the default study with all cores
	$(RUN) snakemake --cores all

paper ablation generalisation: $(STAMP)  ## Run a longer study in its folder of runs/
	$(RUN) snakemake --cores all --directory runs/$@ --configfile workflow/configs/$@.yaml

report: $(STAMP)  ## One page with every table and figure of the default study: report.html
	$(RUN) snakemake --report report.html

test: $(STAMP)  ## Install, then run all tests
	$(RUN) pytest

stress: $(STAMP)  ## Kill simulations a hundred times, and see that they end with the same bytes
	$(RUN) SWFLOW_KILLS=100 pytest tests/test_resume.py -k killed

benchmarks: $(STAMP)  ## Time the drift and large simulations on this machine's CPU (10 minutes)
	$(RUN) OMP_WAIT_POLICY=PASSIVE python benchmarks/drift.py --out results/reference/benchmarks/drift-cpu.md
	$(RUN) OMP_WAIT_POLICY=PASSIVE python benchmarks/structured.py --out results/reference/benchmarks/structured.md
	$(RUN) python benchmarks/target_batch.py --out results/reference/benchmarks/target-batch.md
	$(RUN) python benchmarks/size.py --out results/reference/benchmarks/size.md

reference: $(STAMP)  ## Copy tables and figures to results/reference, and into the README
	$(RUN) python workflow/reference.py default results

reference-paper reference-ablation reference-generalisation: reference-%: $(STAMP)  ## Copy those of a longer study
	$(RUN) python workflow/reference.py $* runs/$*/results

lint: $(STAMP)  ## Style, types and workflow checks
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) python workflow/lint.py

format: $(STAMP)  ## Rewrite files in the project's style
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(RUN) snakefmt Snakefile workflow

clean:  ## Remove environment, caches and results (results/reference stays)
	rm -rf $(VENV) .snakemake .pytest_cache .mypy_cache .ruff_cache
	find results -mindepth 1 -maxdepth 1 ! -name reference -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $(STAMP)
