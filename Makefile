PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Rules call `swflow`: the environment must be first in PATH.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: help results test reference lint format clean
.DEFAULT_GOAL := help

help:  ## Show this help
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

results: $(STAMP)  ## Install, then run the default study with all cores
	$(RUN) snakemake --cores all

test: $(STAMP)  ## Install, then run all tests
	$(RUN) pytest

reference: $(STAMP)  ## Copy tables and figures to results/reference, and into the README
	$(RUN) python workflow/reference.py

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
