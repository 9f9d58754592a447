# Two commands: `make demo` sets up and runs a competition from raw files to a checked submission;
# `make test` sets up and runs the default tests.
PYTHON ?= python3
VENV := .venv
# DVC's stages call `python`: the environment's, whether it is activated or not. The lines below name the folder
# themselves, since make 3.81 (macOS) looks their commands up in the PATH that it was started with.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Several pytest processes share the cores; a torch thread each is enough.
TEST_PROCESSES ?= 2

.PHONY: setup demo test test-slow lint help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed  ## make .venv and install Podium with exactly the tested versions

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Podium needs Python 3.11 to 3.13: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: setup  ## run dogs_vs_cats on drawn pictures: download, train, blend, check, report
	$(VENV)/bin/dvc repro dogs_vs_cats
	@echo
	@$(VENV)/bin/podium show dogs_vs_cats

test: setup  ## run the default tests
	$(VENV)/bin/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test-slow: setup  ## run the long tests alone
	$(VENV)/bin/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder -m slow

lint: setup  ## style, types and import rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
