# `make demo` shows the package on real recordings, and `make test` checks everything. Both install what they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Hundreds of processes that the tests start import the package, and should not compile it each time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo notebook notebook-outputs test tests check docs linkcheck reference test-install release-check fuzz system lint types bench update-constraints clean help

help:
	@echo "make demo   transcribe data/samples with the local stand-in, measure, plot, save as Parquet"
	@echo "make test   lint, type check and run all tests"
	@echo "make check  lint, type check and run the fast tests"
	@echo "make docs   build the documentation site: docs/_build/html/index.html"
	@echo "make linkcheck  look whether the external links of the documentation work"
	@echo "make reference  write docs/reference and docs/llms.txt anew, from the code and the lists of pages"
	@echo "make notebook  open the notebooks in JupyterLab"
	@echo "make notebook-outputs  run the notebooks and store them with their outputs"
	@echo "make release-check  build the files of a release and test the wheel"
	@echo "make test-install  test the wheel with the newest releases, in an environment of its own"
	@echo "make update-constraints  choose the newest releases for make demo and make test"
	@echo "make fuzz   search at random for input that breaks something; FUZZ_FACTOR=100 searches five times as long as usual"
	@echo "make bench  the figures of docs/benchmarks.md, measured here"
	@echo "make clean  remove the virtual environment and what the demo wrote"

demo: $(VENV)/.ready-local
	$(BIN)/soniox-ds demo

notebook: $(VENV)/.ready-local
	$(BIN)/jupyter lab notebooks/01_transcribe_a_dataset.ipynb

# Two workers more than there are cores: two groups of tests in browsers wait for sound most of the time. Each worker needs
# somewhat less than 1 GB of memory, and each of these groups somewhat more.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count() + 2)')
# The types are checked, and the documentation is built, while the tests run.
test: $(VENV)/.ready-test system lint
	$(MAKE) --no-print-directory --jobs=2 tests types-and-docs

.PHONY: types-and-docs
types-and-docs: types
	@$(MAKE) --no-print-directory docs

# Without the last option, xdist would start with the groups of most tests instead of those that tests/conftest.py puts first.
DISTRIBUTED := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
tests: $(VENV)/.ready-test system
	$(BIN)/python -m pytest $(DISTRIBUTED) $(PYTEST_ARGS)

# The tests that need no browser, no kernel, no recogniser and no clock. `make test` runs all tests.
FAST_TESTS := tests/test_architecture.py tests/test_docs.py tests/test_reference.py tests/corpus/test_corpus.py tests/io tests/metrics tests/options tests/plot \
  tests/progress tests/review_queue tests/schema tests/sources tests/text tests/show
# It installs the clients of other providers.
NOT_FAST := --ignore tests/io/providers/test_official_types.py
check: $(VENV)/.ready-test lint types
	$(BIN)/python -m pytest -n auto -q $(FAST_TESTS) $(NOT_FAST) $(PYTEST_ARGS)

reference: $(VENV)/.ready-test
	$(BIN)/python docs/generate_reference.py

# Notebooks 06 and 07 measure times, so that their outputs differ from run to run: `notebooks/store_outputs.py NOTEBOOK` runs one.
notebook-outputs: $(VENV)/.ready-test
	$(BIN)/python notebooks/store_outputs.py

# Build the site without a network. A warning, such as a link that leads nowhere, is an error.
SPHINX := $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -d docs/_build/doctrees
docs: $(VENV)/.ready-test
	$(SPHINX) -b html docs docs/_build/html
	@echo "The site is in docs/_build/html/index.html"

linkcheck: $(VENV)/.ready-test
	$(SPHINX) -b linkcheck docs docs/_build/linkcheck

# Test an installation with the newest releases, without constraints. PYTHON chooses the interpreter.
test-install:
	.ci/test-install $(PYTHON)

# Build the sdist and the wheel, check what is in them, and test the wheel. They are left in dist/.
release-check:
	.ci/release-check $(PYTHON)

# Update the constraints of each Python from 3.11 to 3.13 that is found; see docs/installing.md.
update-constraints:
	constraints/update

# Run the tests of Hypothesis and those marked `fuzz`, with new examples each time. A failure is printed with the call that
# repeats it.
FUZZ_FACTOR ?= 20
fuzz: $(VENV)/.ready-test
	HYPOTHESIS_PROFILE=fuzz FUZZ_FACTOR=$(FUZZ_FACTOR) $(BIN)/python -m pytest -n auto --dist loadgroup --timeout 7200 \
	  -m "fuzz or hypothesis" tests $(PYTEST_ARGS)

# Install the Debian packages that some tests need: NIST's scoring tools, a browser with a fake microphone, and npm, with
# which a test installs the Node SDK (Node 20 or newer). Without these packages the tests are skipped with a message.
system:
	@missing=""; command -v sctk >/dev/null || missing="sctk"; \
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$$missing chromium"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	test -z "$$missing" || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } || \
	  echo "Some tests will be skipped; to run them, as an administrator: apt-get install $$missing"

lint: $(VENV)/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-test
	$(BIN)/mypy

bench: $(VENV)/.ready-test
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .venvs demo-output docs/_build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "soniox_ds needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version 2>&1). Install one and say so: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "The venv module of $(PYTHON) is incomplete; installing the Debian package python3-venv."; \
	  { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq python3-venv; } || { \
	    echo "That was not possible. As an administrator: apt-get install python3-venv" >&2; exit 1; }; }
	$(PYTHON) -m venv $(VENV)

# The releases that were tested together on this Python: constraints/py311.txt and so on.
CONSTRAINTS := constraints/install $(wildcard constraints/*.txt)

$(VENV)/.ready-local: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	constraints/install $(BIN)/python local,notebook
	@touch $@

$(VENV)/.ready-test: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	constraints/install $(BIN)/python test
	@touch $@ $(VENV)/.ready-local
