# demo: the whole pipeline on synthetic studies   test: the test suite   lint: ruff and mypy   bench: measurements
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: install demo test lint bench
install: $(VENV)/.installed

$(VENV)/.installed: setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $(PYTHON) is older than 3.11; expected Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	@echo "make: $(VENV) is missing or older than setup.cfg; installing the tested set (constraints.txt), some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

demo: install
	$(BIN)/python -m bundle demo --out demo-output

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy bundle/scripts

bench: install
	@for file in attention_cost training_throughput dicom_speed single_study cache_hit dicom_fuzz; do echo "== $$file"; $(BIN)/python benchmarks/$$file.py || exit 1; done
