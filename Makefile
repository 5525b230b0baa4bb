# make demo    the first closed loop, from nothing but Python
# make test    the fast suite, with every extra
# make check   lint, types, docs, notebooks, Chromium and a clean install of the wheel

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -b constraints.txt
# uv does not read pip's settings: a wheel that pip would find at hand, a CPU build of PyTorch for one, is found by uv too.
WITH_WHEELS = export UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS:-}}";
NOTEBOOKS = $(shell git ls-files '*.ipynb')

.PHONY: help demo test check venv-demo venv-test lint docs notebooks browser wheel bench-test constraints

help:
	@sed -n 's/^# //p' Makefile | head -3

demo: venv-demo
	$(BIN)/qloop run examples/lih_curve.toml

# Two workers share the kernels that the warm-up compiled; one BLAS thread each keeps two cores busy, not four.
test: venv-test
	$(BIN)/python tests/warm_up.py
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2
	$(BIN)/lint-imports --no-logo

check: lint docs notebooks browser wheel

bench-test: venv-test
	$(BIN)/pytest -m slow

lint: venv-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: venv-test
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/sphinx-build -q -W --keep-going -b doctest docs docs/_build/doctest
	$(BIN)/pytest --doctest-modules src/qloop

notebooks: venv-test
	@for notebook in $(NOTEBOOKS); do $(BIN)/pytest --nbmake --nbmake-timeout=180 "$$notebook"; done

browser: venv-test
	$(BIN)/pytest -m browser

wheel: venv-test
	rm -rf build
	@$(WITH_WHEELS) $(BIN)/uv build --quiet --wheel --out-dir build
	$(BIN)/uv venv --quiet --python $(BIN)/python build/venv
	@$(WITH_WHEELS) $(BIN)/uv pip install --quiet --python build/venv/bin/python -c constraints.txt build/*.whl
	cd build && venv/bin/qloop list && venv/bin/python -m qloop --help > /dev/null

# Every version of every extra and group, for one platform; the local part of a version names a build, not a release.
constraints: venv-test
	@$(WITH_WHEELS) head -2 constraints.txt > build.constraints; printf '%s\n' torch==2.13.0 uv hatchling editables \
	  | $(BIN)/uv pip compile --quiet --upgrade --no-header --no-annotate --all-extras --group dev --group docs pyproject.toml - \
	  | sed 's/+cpu$$//' >> build.constraints; mv build.constraints constraints.txt

venv-demo: $(VENV)/.demo
venv-test: $(VENV)/.test

$(VENV)/.demo: $(VENV)/.uv pyproject.toml constraints.txt
	@echo "installing qloop"
	@$(WITH_WHEELS) $(INSTALL) -e '.[chemistry,hardware]'
	@touch $@

$(VENV)/.test: $(VENV)/.uv pyproject.toml constraints.txt
	@echo "installing qloop with every extra"
	@$(WITH_WHEELS) $(INSTALL) -e '.[all]' --group dev --group docs
	@touch $@

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "qloop needs Python 3.11 or newer: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@touch $@
