# Needs Python 3.11 or later, and make. `make help` lists the targets whose lines end with "## " and a
# description.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes
# uv takes a third of the processor time of pip. It does not read pip's settings, such as those for a
# mirror of the packages: where it fails, pip installs them.
UV_INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode
install = $(UV_INSTALL) $(1) 2>/dev/null || $(PIP_INSTALL) $(1)
# If it were set, every process of a test run would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest
THOROUGH := --hypothesis-profile=thorough
# Uses its own database instead of the developer's.
MANAGE := VAR_DIR=$(VENV)/check $(BIN)/python manage.py
SERVICE := requirements.txt requirements-embedded.txt
# Uses the Python version of pyproject.toml. `fewest` locks one version of each package for all Python
# versions.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-header --no-config

.DEFAULT_GOAL := help
.PHONY: help install run test test-all test-exhaustive test-browser vectors chaos fuzz pooling check lint types imports sizes locks contract \
	migrations deployment format bench lock openapi hooks

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z-]*:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

install: $(VENV)/.dev ## Install everything that development needs into .venv

run: $(VENV)/.service ## Run everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python manage.py up

# `make test T=tests/domain/test_timeline.py` runs only that, and so does `make test T="-k name"`.
test: $(VENV)/.dev ## Run the everyday tests, or some of them, such as T=tests/domain
ifdef T
	$(PYTEST) $(T)
else
	$(PYTEST) -n auto --ignore=tests/browser -m "not exhaustive and not browser"
endif

test-all: $(VENV)/.dev ## Run all tests except browser tests, with more random examples
	$(PYTEST) -n auto $(THOROUGH) --ignore=tests/browser -m "not browser"

# Runs what `make test-all` adds to `make test`. Property tests run again, with more examples.
test-exhaustive: $(VENV)/.dev ## Run only the tests that make test leaves out
	$(PYTEST) -n auto $(THOROUGH) --ignore=tests/browser -m "(exhaustive or property) and not browser"

test-browser: $(VENV)/.dev ## Run the browser tests (needs Chromium)
	$(PYTEST) -m browser

# Compares due dates with published examples and our own.
vectors: $(VENV)/.dev ## Run the published test vectors for due dates
	@$(BIN)/python -m pytest --quiet --no-header --tb=short tests/vectors

# Kills, suspends and restarts everything at random while ten thousand alerts fall due.
# `make chaos SEED=7` repeats the faults of a run.
chaos: $(VENV)/.dev ## Kill, hang and restart everything at random under load
	$(BIN)/python -m tests.flows.chaos $(if $(SEED),--seed $(SEED))

# Sends what the OpenAPI document allows and what it forbids, as each role, and checks every response.
# `make fuzz CASES=2000 SEED=7 ROLE=analyst` repeats a run of one role.
fuzz: $(VENV)/.dev ## Send random requests as each role, and check every response
	$(BIN)/python -m tests.flows.fuzz $(if $(SEED),--seed $(SEED)) $(if $(CASES),--cases $(CASES)) \
		$(if $(ROLE),--role "$(ROLE)")

# Several readers share two connections of a real PgBouncer, which must be installed.
pooling: $(VENV)/.dev ## Check that readers never leak through PgBouncer
	$(BIN)/python -m tests.flows.pooling

# One after the other, so that the output stays readable under `make -j`.
check: ## Run all checks below, which pre-commit also runs
	@set -e; for check in lint types imports sizes locks contract migrations deployment; do \
		echo "== $$check"; $(MAKE) --no-print-directory $$check; \
	done

lint: $(VENV)/.dev ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types
	$(BIN)/mypy .

imports: $(VENV)/.dev ## Check the import rules
	$(BIN)/lint-imports

sizes: $(VENV)/.dev ## Check the lengths of modules and functions
	$(BIN)/python .ci/check_sizes.py

locks: $(VENV)/.dev ## Check that the lock files match pyproject.toml
	$(BIN)/python .ci/check_locks.py

OPENAPI := docs/openapi.yaml

# The document is generated again and compared, and checked by a second validator.
contract: $(VENV)/.dev ## Check that docs/openapi.yaml describes this code
	@$(MANAGE) spectacular --validate --fail-on-warn --file $(VENV)/openapi.yaml
	@diff -u $(OPENAPI) $(VENV)/openapi.yaml >$(VENV)/openapi.diff || { \
		head -n 40 $(VENV)/openapi.diff; \
		echo "The API and $(OPENAPI) differ: run make openapi, and read what changes for clients." >&2; \
		exit 1; }
	@$(BIN)/openapi-spec-validator $(OPENAPI)

openapi: $(VENV)/.dev ## Write docs/openapi.yaml
	@$(MANAGE) spectacular --validate --fail-on-warn --file $(OPENAPI)

# In the first, the check takes a table that SQL creates for one in use. After the second, old code
# cannot store the seal of a day, because it does not sign; new code then does within minutes.
CHECKED_BY_HAND := 0007_row_security 0008_sign_seals

migrations: $(VENV)/.dev ## Check that migrations are complete, and safe while old code runs
	$(MANAGE) up --prepare-only --no-examples >/dev/null
	$(MANAGE) makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=tests.settings $(MANAGE) lintmigrations --no-cache --quiet ignore ok \
		--ignore-name $(CHECKED_BY_HAND)

deployment: $(VENV)/.dev ## Check the production settings
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
	SITE_URL=https://pacta.example.org ALLOWED_HOSTS=pacta.example.org \
		$(MANAGE) check --deploy --fail-level WARNING

format: $(VENV)/.dev ## Format the code and fix what can be fixed automatically
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

hooks: $(VENV)/.dev ## Run the checks before each of your commits
	$(BIN)/pre-commit install

bench: $(VENV)/.dev ## Run the benchmarks
	@set -e; for benchmark in benchmarks/*.py benchmarks/*/__main__.py; do \
		[ -e "$$benchmark" ] || continue; \
		module=$$(echo "$${benchmark%.py}" | sed 's,/__main__$$,,; s,/,.,g'); \
		[ "$${module##*.}" != __init__ ] || continue; \
		echo "== $$module"; $(BIN)/python -m "$$module"; \
	done

# `make lock UPGRADE=--upgrade` upgrades the locked versions.
lock: $(VENV)/.dev ## Update the lock files from pyproject.toml
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
		echo "'$(PYTHON)' cannot create virtual environments: install its venv package (Debian: apt-get install python3-venv)" >&2; \
		exit 1; }
	@echo "Creating $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)

# The locked version.
$(VENV)/bin/uv: | $(VENV)/bin/python
	@awk '/^[^ ]/ { found = /^uv==/ } found' requirements-dev.txt | $(PIP_INSTALL) -r /dev/stdin

$(VENV)/.service: $(VENV)/bin/python $(SERVICE) | $(VENV)/bin/uv
	@echo "Installing the locked requirements ..."
	@$(call install,$(foreach file,$(SERVICE),-r $(file)))
	@touch $@

$(VENV)/.dev: $(VENV)/.service requirements-dev.txt
	@echo "Installing the development tools ..."
	@$(call install,-r requirements-dev.txt)
	@touch $@
