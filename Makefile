# `make demo` and `make test` need nothing but Python 3.10 or later: they make their own .venv.
PYTHON ?= python3
VENV ?= .venv
# Tools whose own dependencies are none of the package's.
TOOLS ?= .venv-tools

export PATH := $(abspath $(VENV))/bin:$(PATH)

.PHONY: demo test check wheel sbom audit clean

demo: $(VENV)/installed
	scripts/demo

test: $(VENV)/installed-dev
	scripts/check
	scripts/test

check: $(VENV)/installed-dev
	scripts/check

wheel: $(VENV)/installed-dev
	scripts/build

# What the package is made of, for those who have to know: CycloneDX, of the packages in .venv.
sbom: $(VENV)/installed-dev $(TOOLS)/installed
	mkdir -p dist
	$(TOOLS)/bin/cyclonedx-py environment $(VENV)/bin/python --pyproject pyproject.toml --mc-type library \
		--output-reproducible --of JSON -o dist/sbom.json

# Needs the network: asks which of the pinned releases have known vulnerabilities.
audit: $(TOOLS)/installed
	$(TOOLS)/bin/pip-audit --strict --no-deps --disable-pip -r requirements.lock

clean:
	rm -rf $(VENV) $(TOOLS) build dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
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

$(TOOLS)/installed:
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet cyclonedx-bom==7.5.0 pip-audit==2.10.1
	touch $@
