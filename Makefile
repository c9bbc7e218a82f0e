PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Rules call `swflow`: the environment must be first in PATH.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

# What a page needs to run a network: the browser's runtime, of the version in package-lock.json.
EXPLORER := workflow/explorer/node_modules/.installed

STUDIES := paper ablation rivals study discretisation study_images study_sizes memorisation memorisation_fashion directions repeatability inpainting mnist fashion cifar10 \
	mnist_pixels fashion_pixels cifar10_pixels images_gpu images_gpu_minutes
REFERENCES := $(STUDIES:%=reference-%)

.PHONY: help demo explorer results report site test stress fuzz soak benchmarks reference lint format clean
.PHONY: $(STUDIES) $(REFERENCES)
.DEFAULT_GOAL := help

help:  ## Show this help
	@grep -E '^[a-z0-9_ -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 34

FILM := results/figures/films/clothes_48/images/flow_map_wide.gif

demo: $(STAMP)  ## Install, then train small: clothes forming out of noise, in minutes
	$(RUN) snakemake --cores all --directory runs/$@ --configfile workflow/configs/$@.yaml -- $(FILM)
	@echo "Look at runs/$@/$(FILM)"

explorer: $(STAMP) $(EXPLORER)  ## After results: pages that draw in a browser, in explorer/
	rm -rf explorer && mkdir explorer
	$(RUN) swflow explorer results/models/clothes_48/images/flow_map_wide/seed0 --out explorer/clothes
	$(RUN) swflow explorer results/models/eight_gaussians/plane/flow_map/seed0 --out explorer/eight_gaussians
	@echo "Run python3 -m http.server --directory explorer, and open http://localhost:8000/clothes"

results: $(STAMP)  ## Install, then run the default study with all cores
	$(RUN) snakemake --cores all

paper ablation rivals study discretisation study_images study_sizes memorisation directions repeatability inpainting mnist mnist_pixels: $(STAMP)  ## Run a longer study in its folder of runs/
	$(RUN) snakemake --cores all --directory runs/$@ --configfile workflow/configs/$@.yaml

memorisation_fashion: $(STAMP)  ## When copies begin, of clothes in a latent and in pixels
	$(RUN) snakemake --cores all --directory runs/$@ --configfile workflow/configs/memorisation.yaml workflow/configs/$@.yaml

fashion cifar10: $(STAMP)  ## Clothes, or colour, in the study of 60,000 images
	$(RUN) snakemake --cores all --directory runs/$@ --configfile workflow/configs/mnist.yaml workflow/configs/$@.yaml

fashion_pixels cifar10_pixels images_gpu images_gpu_minutes: $(STAMP)  ## Clothes, or colour, in pixels; all on a GPU
	$(RUN) snakemake --cores all --directory runs/$@ --configfile workflow/configs/mnist_pixels.yaml workflow/configs/$@.yaml

report: $(STAMP)  ## One page with every table and figure of the default study: report.html
	$(RUN) snakemake --report report.html

site: $(STAMP)  ## Build the site into site/, warnings as errors
	$(RUN) NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet
	@echo "Look at site/index.html"

# A process more than cores: the tests on a cluster wait most of their time.
test: $(STAMP) $(EXPLORER)  ## Install, then run all tests
	$(RUN) pytest --numprocesses $$($(PYTHON) -c 'import os; print(1 + os.cpu_count())') --dist loadfile --no-loadscope-reorder

stress: $(STAMP) fuzz  ## Kill simulations a hundred times, other stages and Snakemake twenty; fuzz
	$(RUN) SWFLOW_KILLS=100 pytest -rP tests/stages/test_resume.py -k killed
	$(RUN) SWFLOW_KILLS=20 pytest -rP tests/test_faults.py -k killed

fuzz: $(STAMP)  ## Change files that readers take a million times, guided by coverage (half an hour)
	$(BIN)/pip install --quiet --editable '.[fuzz]' --constraint constraints.txt
	$(RUN) python -m tests.fuzz --jobs 2 --out results/reference/benchmarks/fuzzing.md

soak: $(STAMP)  ## A study of 500 jobs on a SLURM of this machine, killed at random (40 minutes)
	$(RUN) python -m tests.soak --out results/reference/benchmarks/soak.md

benchmarks: $(STAMP)  ## Time the drift, large simulations, every stage's growth on this CPU (45 minutes)
	$(RUN) OMP_WAIT_POLICY=PASSIVE python benchmarks/drift.py --out results/reference/benchmarks/drift-cpu.md
	$(RUN) OMP_WAIT_POLICY=PASSIVE python benchmarks/structured.py --out results/reference/benchmarks/structured.md
	$(RUN) python benchmarks/target_batch.py --out results/reference/benchmarks/target-batch.md
	$(RUN) python benchmarks/size.py --out results/reference/benchmarks/size.md
	$(RUN) OMP_WAIT_POLICY=PASSIVE python benchmarks/pairs.py --out results/reference/benchmarks/pairs.md
	$(RUN) OMP_WAIT_POLICY=PASSIVE python benchmarks/local.py --out results/reference/benchmarks/local-cpu.md
	$(RUN) python benchmarks/determinism.py --out results/reference/benchmarks/determinism.md
	$(RUN) python benchmarks/machines.py --out results/reference/benchmarks/machines.md
	$(RUN) python benchmarks/processes.py --out results/reference/benchmarks/processes.md
	$(RUN) python benchmarks/scale.py --out results/reference/benchmarks/scale.md
	$(RUN) python benchmarks/line.py --out results/reference/benchmarks/line.md
	$(RUN) python benchmarks/limit_map.py --out results/reference/benchmarks/limit-map.md

reference: $(STAMP)  ## Copy tables and figures to results/reference, and into docs/ (reference-STUDY: of a longer one)
	$(RUN) python workflow/reference.py default results

$(REFERENCES): reference-%: $(STAMP)
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
	rm -rf $(VENV) site explorer workflow/explorer/node_modules .snakemake .pytest_cache .mypy_cache .ruff_cache
	find results -mindepth 1 -maxdepth 1 ! -name reference -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $(STAMP)

$(EXPLORER): workflow/explorer/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix workflow/explorer --no-audit --no-fund --silent && touch $@; \
	else echo "No npm: pages that draw in a browser cannot be made."; fi
