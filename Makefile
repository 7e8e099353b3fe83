.DEFAULT_GOAL := help
PYTHON ?= python3
CORES := $(shell getconf _NPROCESSORS_ONLN)

# The stages' `python` is the one in .venv, as if it were activated.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, and $(PYTHON) is %d.%d; try make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --requirement requirements.txt
	@touch $@

# DVC runs one stage after another. The networks, which share nothing but their data, are trained
# side by side instead, each on a core of its own.
repro: .venv/installed ## run the pipeline: download, train, evaluate, plot, report
	@.venv/bin/dvc status --quiet dvc.yaml || { dvc repro check_params download && \
		dvc stage list --name-only | grep ^train | \
		xargs -n 1 -P $(CORES) dvc --wait-for-lock repro --single-item; }
	@.venv/bin/dvc repro
	@echo "The report: reports/report.md"

test: .venv/installed ## run the tests
	@.venv/bin/python -m pytest --numprocesses $(CORES) --dist loadfile

faults: .venv/installed ## bring about every fault and write docs/faults.md
	@WRITE_FAULTS=1 .venv/bin/python -m pytest tests/test_faults.py

lint: .venv/installed ## check the code's style
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check

verify: .venv/installed ## run what is committed in an empty folder and compare every output's hash
	@.venv/bin/python -m tools.verify

study: .venv/installed ## train under ten seeds, and without each technique; takes about an hour
	@.venv/bin/dvc repro study/dvc.yaml
	@echo "The study: study/report.md"

bench: .venv/installed ## time it against what a user would run instead; write reports/benchmark.md
	@.venv/bin/python -m tools.benchmark

requirements: .venv/installed ## renew requirements.txt with the newest versions
	.venv/bin/uv pip compile --quiet --universal --fork-strategy fewest --upgrade pyproject.toml --output-file requirements.txt

.PHONY: help repro test faults lint verify study bench requirements
