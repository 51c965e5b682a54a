# The two commands of the README, and the checks. Needs Python 3.11 to 3.13 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WARM := $(VENV)/.kernels
KERNELS := $(shell grep -rl "@kernel\|njit\|llvmlite" src/tlsfind --include=*.py)
CORES ?= 2

.PHONY: help install demo report test test-slurm bench bench-streaming lint format schema validation clean

help:
	@echo "make demo     install into $(VENV) and run config/demo.yaml to the report"
	@echo "make report   write report.html of a run again (RESULTS=results/demo)"
	@echo "make test     install into $(VENV) and run all tests"
	@echo "make test-slurm  the workflow and its faults on a real Slurm (root, Debian; 8 minutes)"
	@echo "make bench    measure every kernel beside its peer, after the demo: docs/performance.md"
	@echo "make bench-streaming  time and memory of 2 x 10^7 pairs (2 minutes)"
	@echo "make lint     ruff, mypy, snakefmt, snakemake --lint, generated files in step"
	@echo "make format   rewrite the sources in the project's format"
	@echo "make schema   regenerate the config schema, the reference pages and the captions"
	@echo "make validation  measure docs/validation.md on the results of the demo (long)"

install: $(WARM)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"tlsfind needs Python 3.11 to 3.13, found {v[0]}.{v[1]}: name another one with make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# Compiled once here, or else the first jobs of a run would all compile at the same time.
$(WARM): $(STAMP) $(KERNELS)
	$(BIN)/tlsfind warm-up
	@touch $(WARM)

demo: install
	$(BIN)/snakemake --cores $(CORES) --configfile config/demo.yaml
	@$(BIN)/tlsfind summary results/demo

# Figures, Table I and all numbers are those of the tables of the run.
RESULTS ?= results/demo

report: install
	$(BIN)/tlsfind report $(RESULTS) --config $(RESULTS)/config.yaml --output $(RESULTS)/report.html
	@echo "$(RESULTS)/report.html"

test: install
	$(BIN)/python -m pytest --numprocesses $(CORES) --no-loadscope-reorder

test-slurm: install
	$(BIN)/python -m pytest tests/slurm --slurm -rs

bench: install
	@test -f results/demo/summary.json || $(MAKE) demo
	$(BIN)/python -m benchmarks --run results/demo --output results/bench.json --page docs/performance.md

bench-streaming: install
	$(BIN)/python benchmarks/streaming.py --minima 6325 --particles 1500

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint --configfile config/demo.yaml
	$(BIN)/tlsfind schema --check

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

schema: install
	$(BIN)/tlsfind schema --write

validation: install
	$(BIN)/tlsfind agreement results/demo --config results/demo/config.yaml --output docs/validation.md

clean:
	rm -rf $(VENV) results
