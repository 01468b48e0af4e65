# `make run` and `make test` are the two commands. They need Python 3.11 or later, and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes
# On a database that is not the developer's own.
MANAGE := VAR_DIR=$(VENV)/check $(BIN)/python manage.py
SERVICE := requirements.txt requirements-embedded.txt
# As in pyproject.toml; `fewest` keeps one version of each package for all Pythons.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-header --no-config

.PHONY: run test test-browser vectors chaos check bench lock

run: $(VENV)/.service
	@exec $(BIN)/python manage.py up

# Whole journeys come one after the other: each runs a machine full of processes, with a clock.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not browser and not flow"
	$(BIN)/python -m pytest -m "flow and not browser"

test-browser: $(VENV)/.dev
	$(BIN)/python -m pytest -m browser

# When something is due, case by case: those that others published, and our own beside them.
vectors: $(VENV)/.dev
	@$(BIN)/python -m pytest --quiet --no-header --tb=short tests/vectors

# Everything is killed, hung and restarted at random while ten thousand alerts fall due.
# `make chaos SEED=7` plays the faults of a run again.
chaos: $(VENV)/.dev
	$(BIN)/python -m tests.flows.chaos $(if $(SEED),--seed $(SEED))

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python .ci/check_locks.py
	$(MANAGE) up --prepare-only --no-examples >/dev/null
	$(MANAGE) makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=tests.settings $(MANAGE) lintmigrations --no-cache --quiet ignore ok
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
	SITE_URL=https://pacta.example.org ALLOWED_HOSTS=pacta.example.org \
		$(MANAGE) check --deploy --fail-level WARNING

bench: $(VENV)/.dev
	@set -e; for benchmark in benchmarks/*.py benchmarks/*/__main__.py; do \
		[ -e "$$benchmark" ] || continue; \
		module=$$(echo "$${benchmark%.py}" | sed 's,/__main__$$,,; s,/,.,g'); \
		[ "$${module##*.}" != __init__ ] || continue; \
		echo "== $$module"; $(BIN)/python -m "$$module"; \
	done

# Writes the locks anew from pyproject.toml. `make lock UPGRADE=--upgrade` takes newer versions.
lock: $(VENV)/.dev
	$(LOCK) $(UPGRADE) pyproject.toml -o requirements.txt
	$(LOCK) $(UPGRADE) --group pyproject.toml:embedded -c requirements.txt \
		-o requirements-embedded.txt
	$(LOCK) $(UPGRADE) --group pyproject.toml:dev -c requirements.txt \
		-c requirements-embedded.txt -o requirements-dev.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Pacta needs Python 3.11 or later; '$(PYTHON)' is not. Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)" >&2; \
		exit 1; }
	@echo "Making $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.service: $(VENV)/bin/python $(SERVICE)
	@echo "Installing the locked requirements ..."
	@$(PIP_INSTALL) $(foreach file,$(SERVICE),-r $(file))
	@touch $@

$(VENV)/.dev: $(VENV)/.service requirements-dev.txt
	@echo "Installing the tools for development ..."
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@
