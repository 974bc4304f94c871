# make demo   from nothing to suggested next words, two to four minutes
# make test   the whole test suite
# make lint   ruff and mypy
# make notebooks  every notebook anew, outputs kept
# make docs   the API reference, as HTML in site/
# make bench  times against Keras and PyTorch
# make bench-serving  the server against the bare model, LitServe, BentoML and MLServer

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export RNNZOO_DATA ?= $(abspath ../shared/data)

.PHONY: demo test lint notebooks docs bench bench-serving clean

# --no-compile: of TensorFlow's thousands of files Python compiles those that it needs, when it needs them.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --editable .
	touch $@

$(VENV)/.developed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/rnnzoo demo --output demo

test: $(VENV)/.developed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

notebooks: $(VENV)/.developed
	$(BIN)/python notebooks/run.py

docs: $(VENV)/.developed
	$(BIN)/python docs/reference.py

# PyTorch lives in an environment of its own: it is measured against, never needed.
TORCH := tests/benchmarks/.venv
$(TORCH)/.installed: tests/benchmarks/requirements.txt
	$(PYTHON) -m venv $(TORCH)
	$(TORCH)/bin/python -m pip install --quiet --requirement tests/benchmarks/requirements.txt
	touch $@

bench: $(VENV)/.installed $(TORCH)/.installed
	$(BIN)/python tests/benchmarks/bench.py

# So do other servers.
RIVALS := $(patsubst %,tests/benchmarks/.venv-rival-%/.installed,litserve bentoml mlserver)
tests/benchmarks/.venv-rival-%/.installed: tests/benchmarks/requirements-rival-%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --requirement $<
	touch $@

bench-serving: $(VENV)/.installed $(RIVALS)
	$(BIN)/python tests/benchmarks/serving.py

clean:
	rm -rf $(VENV) $(TORCH) $(dir $(RIVALS)) demo site build dist
