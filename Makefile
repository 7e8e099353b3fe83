.DEFAULT_GOAL := help
PYTHON ?= python3
# As many as this process may use: affinity and the limits of a container count.
CORES = $(shell .venv/bin/python -m tools.cores)

# The stages' `python` is the one in .venv, as if it were activated.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# A user's settings of these must not send the packages elsewhere, nor bring others in.
unexport PIP_CONSTRAINT PIP_DRY_RUN PIP_PREFIX PIP_ROOT PIP_TARGET PIP_USER
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# An environment that was moved, copied, half made or made from other requirements is made again.
REQUIREMENTS := requirements.txt requirements-dev.txt
STAMP := $(CURDIR) $(shell cat $(REQUIREMENTS) | cksum)
ifneq ($(shell .venv/bin/python -c '' 2>/dev/null && cat .venv/installed 2>/dev/null),$(STAMP))
.PHONY: .venv/installed
endif

# uv installs in a fraction of pip's time. It is told where the user's pip finds packages.
.venv/installed:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, and $(PYTHON) is %d.%d; try make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@[ -e .git ] || { echo "error: $(CURDIR) is no git repository, which DVC needs; clone one" >&2; exit 1; }
	@echo "Installing into .venv: downloads of 3 GB, 6 GB on disk"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/# via/p' requirements-dev.txt > .venv/uv.txt
	@.venv/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes --requirement .venv/uv.txt
	@eval "$$(.venv/bin/python -m pip config list | sed -n 's/\\n/ /g; \
		s/^[^=]*\.index-url=/export UV_DEFAULT_INDEX=/p; s/^[^=]*\.extra-index-url=/export UV_INDEX=/p; \
		s/^[^=]*\.find-links=/export UV_FIND_LINKS=/p; s/^[^=]*\.cert=/export SSL_CERT_FILE=/p')"; \
	.venv/bin/uv pip install --python .venv --index-strategy unsafe-best-match --require-hashes $(REQUIREMENTS:%=--requirement %)
	@.venv/bin/dvc --version > /dev/null
	@echo "$(STAMP)" > $@

# DVC runs one stage after another. Here the stages that compute, which share only the data, run at
# the same time instead, as many as there are cores.
repro: .venv/installed ## run the pipeline: download, train, evaluate, plot, report
	@.venv/bin/dvc status --quiet || { dvc repro check_params download && \
		dvc stage list --name-only | grep -E '^(problem|gradient_check|train)' | \
		xargs -n 1 -P $(CORES) dvc --wait-for-lock repro --single-item; }
	@.venv/bin/dvc repro
	@echo "The report: reports/report.md"

report: repro ## open the report, reports/report.html, in a browser
	@.venv/bin/python -m webbrowser "file://$(CURDIR)/reports/report.html"

test: .venv/installed ## run the tests that take three minutes
	@.venv/bin/python -m pytest

test-all: .venv/installed ## run all tests
	@.venv/bin/python -m pytest -m ""

lint: .venv/installed ## check the code's style and types
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

verify: .venv/installed ## run what is committed in an empty folder and compare every output
	@.venv/bin/python -m tools.verify

experiments: .venv/installed ## compare the experiments, the best on the validation images first
	@.venv/bin/python -m tools.experiments

study: .venv/installed ## search recipes; train with many seeds, variants and kernels; takes hours
	@.venv/bin/dvc repro check_params download
	@.venv/bin/python -m study
	@$(MAKE) --no-print-directory repro
	@echo "The study: study/report.md"

bench: .venv/installed ## time it and other training loops; write reports/benchmark.md
	@.venv/bin/python -m tools.benchmark

# For Python 3.11 and later: uv would take the version of .venv as the oldest.
LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --upgrade

requirements: .venv/installed ## renew both requirements files with the newest versions
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) --group dev --constraint requirements.txt --output-file requirements-dev.txt

.PHONY: help repro report test test-all lint verify experiments study bench requirements
