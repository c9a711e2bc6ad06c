# Each target works on a fresh clone with only Python and make present: it creates .venv, installs into it, and runs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test test-fast lint bench docs clean

demo: .venv/.studies
	$(BIN)/underdamped demo

test: .venv/.dev
	$(BIN)/pytest -n 2

test-fast: .venv/.dev
	$(BIN)/pytest -n 2 -m "not slow"

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: .venv/.dev
	$(BIN)/python benchmarks/step_time.py
	$(BIN)/python benchmarks/process.py

docs: .venv/.dev
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv

# PyTorch goes first and alone: the constraint then holds for every package that asks for it.
.venv/.torch: constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) torch numpy
	touch $@

.venv/.studies: .venv/.torch pyproject.toml Makefile
	$(PIP) --editable '.[torch,jax,studies]'
	touch $@

.venv/.dev: .venv/.studies
	$(PIP) --editable '.[torch,jax,studies,dev]'
	touch $@
