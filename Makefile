# `make demo` shows Spanbook at work, `make test` runs the tests; both set up what they need.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
BENCH := benchmarks/.venv

# The newest Python that is 3.11 or later and can make environments.
FIND_PYTHON := for version in 3.14 3.13 3.12 3.11 3; do \
	if python$$version -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo python$$version; exit; fi; done

.PHONY: help setup demo fix check test serve bench clean

help:
	@echo 'make demo   record the examples and show them in the browser'
	@echo 'make test   run the tests'
	@echo 'make serve  show the traces in ./spanbook.db'
	@echo 'make fix    format and repair what can be repaired'
	@echo 'make check  lint and type-check'
	@echo 'make bench  measure speed, memory and loss beside other tracers'

setup: $(STAMP)

$(STAMP): pyproject.toml
	@python="$(PYTHON)"; python="$${python:-$$($(FIND_PYTHON))}"; \
	if [ -z "$$python" ]; then \
		echo 'Spanbook needs Python 3.11 or newer with venv and pip (Debian: apt install python3-venv).'; exit 1; fi; \
	[ -x $(BIN)/python ] || "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/spanbook demo

fix: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

test: setup
	$(BIN)/python -m pytest

serve: setup
	$(BIN)/spanbook view

bench: setup $(BENCH)/.ready
	$(BENCH)/bin/python -m benchmarks $(ARGS)

$(BENCH)/.ready: benchmarks/requirements.txt pyproject.toml
	[ -x $(BENCH)/bin/python ] || $(BIN)/python -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[langchain]' -r $<
	@touch $@

clean:
	rm -rf $(VENV) $(BENCH) dist .pytest_cache .ruff_cache
