# `make demo` and `make test` need nothing but Python 3.10 or later: they make their own .venv.
PYTHON ?= python3
VENV ?= .venv

export PATH := $(abspath $(VENV))/bin:$(PATH)

.PHONY: demo test check wheel clean

demo: $(VENV)/installed
	scripts/demo

test: $(VENV)/installed-dev
	scripts/check
	scripts/test

check: $(VENV)/installed-dev
	scripts/check

wheel: $(VENV)/installed-dev
	scripts/build

clean:
	rm -rf $(VENV) build dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# The stamps make a second run start at once; a change of what is installed makes it install again.
$(VENV)/installed: pyproject.toml constraints.txt hatch_build.py | $(VENV)/bin/python
	python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt hatch_build.py | $(VENV)/bin/python
	python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/installed
