# make demo   from nothing to suggested next words, about three minutes
# make test   the whole test suite
# make lint   ruff and mypy
# make bench  times against Keras and PyTorch

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export RNNZOO_DATA ?= $(abspath ../shared/data)
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test lint bench clean

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/.ready
	$(BIN)/rnnzoo demo --output demo

test: $(VENV)/.ready
	$(BIN)/python -m pytest

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.ready
	$(BIN)/python -m pytest tests/benchmarks --override-ini addopts= -q -s

clean:
	rm -rf $(VENV) demo build dist
