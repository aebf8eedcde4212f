# run    start the whole system on this machine; Ctrl-C ends it
# test   every check: format, lint, types, import contracts, tests (a browser's among them)
# bench  measure, with the system under load
# fmt    put the code into shape
# clean  remove what make made (the data folder stays)
#
# Nothing needs to be installed but Python 3.11 or newer with venv. Options for `landun up`: make run ARGS="--sites 100"

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := run
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PYTEST_ARGS ?=
# Tests wait for brokers, databases and browsers most of the time: more of them than cores.
TEST_WORKERS ?= 3

.PHONY: run test bench fmt clean system-packages

run: $(VENV)/.run-stamp
	@exec $(BIN)/landun up $(ARGS)

test: system-packages $(VENV)/.test-stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup $(PYTEST_ARGS)

bench: system-packages $(VENV)/.test-stamp
	$(BIN)/landun bench $(ARGS)

fmt: $(VENV)/.test-stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache ./*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than what it was made from, or the step is taken again. Modules are compiled when first
# imported, not all of them now: that halves the first start.
$(VENV)/.run-stamp: pyproject.toml constraints.txt $(VENV)/.made
	@echo "installing what landun runs on into $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.test-stamp: pyproject.toml constraints.txt $(VENV)/.made
	@echo "installing what the tests need into $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.run-stamp

# Marked as made when it is whole: one that was interrupted is made again.
$(VENV)/.made:
	@for candidate in $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14; do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        if ! "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then \
	            echo "landun: $$candidate has no venv module; on Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 2; \
	        fi; \
	        "$$candidate" -m venv --clear $(VENV) && touch $@; exit; \
	    fi; \
	done; \
	echo "landun: Python 3.11 or newer is needed and was not found; install it, or name it: make run PYTHON=/path/to/python3.11" >&2; \
	exit 2

# Tests drive a real browser, a second broker and TimescaleDB under Node. None of these is skipped when missing.
system-packages:
	@missing=""; \
	need() { command -v "$$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$$1" ] || missing="$$missing $$2"; }; \
	need chromium chromium; need mosquitto mosquitto; need node nodejs; need npm npm; need docker-compose docker-compose; \
	if command -v fc-list >/dev/null 2>&1 && [ -n "$$(fc-list :lang=zh family)" ]; then :; \
	elif ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1; then :; \
	else missing="$$missing fonts-noto-cjk"; fi; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "installing$$missing" >&2; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends $$missing >/dev/null; \
	else \
	    echo "landun: the tests need$$missing; run this once, then make test again:" >&2; \
	    echo "sudo apt-get update && sudo apt-get install -y --no-install-recommends$$missing" >&2; \
	    exit 2; \
	fi
