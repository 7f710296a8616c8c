# `make demo` and `make test` each set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint format bench clean

demo: $(VENV)/.installed
	$(BIN)/seedscope run configs/demo.yaml

test: $(VENV)/.installed lint
	$(BIN)/python -m pytest

lint: $(VENV)/.installed build/types/seedscope
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p seedscope.pipeline -p seedscope.analysis -p seedscope.jobs

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[test]'
	touch $@

# mypy follows folders, not installed mappings: show it the sub-packages under their import name.
build/types/seedscope:
	mkdir -p $@
	ln -s ../../../pipeline ../../../analysis ../../../jobs $@/
