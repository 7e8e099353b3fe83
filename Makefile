.DEFAULT_GOAL := help
PYTHON ?= python3

# The stages' `python` is the one in .venv, as if it were activated.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, and $(PYTHON) is %d.%d; try make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --requirement requirements.txt
	@touch $@

repro: .venv/installed ## run the pipeline: download, train, evaluate, plot, report
	@.venv/bin/dvc repro
	@echo "The report: reports/report.md"

test: .venv/installed ## run the tests
	@.venv/bin/python -m pytest

lint: .venv/installed ## check the code's style
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check

verify: .venv/installed ## run what is committed in an empty folder and compare every output's hash
	@.venv/bin/python -m tools.verify

benchmark: .venv/installed ## time an epoch of each network against the assignment's own loop
	@.venv/bin/python -m tools.benchmark

requirements: .venv/installed ## renew requirements.txt with the newest versions
	.venv/bin/uv pip compile --quiet --universal --fork-strategy fewest --upgrade pyproject.toml --output-file requirements.txt

.PHONY: help repro test lint verify benchmark requirements
