# `make demo` and `make test` each set up everything they need in .venv.
# `make demo STUDY=configs/turbo.yaml` draws with the one-step model.
STUDY ?= configs/demo.yaml
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint format docs clean

demo: $(VENV)/.demo
	$(BIN)/seedscope run $(STUDY)

test: $(VENV)/.test lint
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p seedscope

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The site opens from disk: build/site/index.html
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq --upgrade pip
	$(BIN)/pip install -qq -e '.[run]'
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/pip install -qq -e '.[test]'
	touch $@

$(VENV)/.docs: $(VENV)/.demo
	$(BIN)/pip install -qq -e '.[docs]'
	touch $@
