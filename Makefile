# `make demo` and `make test` set up everything they need, in .venv, the first time.
PYTHON ?= python3
JOBS ?= 2

BIN := .venv/bin
READY := .venv/.ready
# Twice quiet: errors alone.
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint types unit format table family clean

help:
	@echo 'make demo    check, draw, train and evaluate a bundled spec'
	@echo 'make test    lint, types and unit tests'
	@echo 'make lint | types | unit | format | table | family | setup | clean'

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'mvib needs Python 3.11 or later. Name one: make $(or $(MAKECMDGOALS),test) PYTHON=/path/to/python3'; exit 1; }
	@echo 'Setting up .venv, once. This takes a minute or two.'
	@$(PYTHON) -m venv .venv
	@$(PIP) install --constraint constraints.txt hatchling
	@$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

demo: $(READY)
	@rm -rf demo && mkdir demo
	$(BIN)/mvib check simclr
	$(BIN)/mvib render simclr -o demo/simclr.svg
	$(BIN)/mvib show simclr
	$(BIN)/mvib train simclr --out demo/run
	$(BIN)/mvib eval demo/run --probe knn,linear
	@echo "Written: $$(find demo -type f | sort | paste -s -d ' ' -)"

test: lint types unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

unit: $(READY)
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadgroup

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

table: $(READY)
	printf '%s\n' '# Methods' '' 'One spec a method. `mvib show NAME` prints one, `mvib render NAME` draws it, `mvib train NAME` trains it. This table is' 'made by `make table` from `mvib list methods --format markdown`.' '' > specs/README.md
	$(BIN)/mvib list methods --format markdown >> specs/README.md

# The picture needs the layout program that `mvib render` needs.
family: $(READY)
	$(BIN)/mvib diff --all --format markdown > docs/family.md
	$(BIN)/mvib diff --all --format svg > docs/family.svg

clean:
	rm -rf .venv demo dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
