# Halite. `make run` starts it on a bare machine; `make test` checks it. Settings: docs/administrator.md.
PYTHON ?= python3
RUN = .venv/bin/python
# Checks read the settings but need no database and no state directory.
CHECK_ENV = HALITE_PROFILE=test SECRET_KEY=static-checks-sign-nothing

# Byte code is kept: without it every process compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run reset setup setup-dev check types style template together test test-fast test-faults chromium

run: setup
	@exec $(RUN) manage.py runstack --stop-with-parent

# Deletes all data of HALITE_DIR (default ./var). Asks first; CONFIRM=1 answers yes.
reset: setup
	@exec $(RUN) -m mes.runtime.reset

setup:
	@PYTHON=$(PYTHON) deploy/bootstrap/setup requirements.txt

setup-dev:
	@PYTHON=$(PYTHON) deploy/bootstrap/setup requirements-dev.txt

chromium:
	@deploy/bootstrap/chromium

check: setup-dev
	@$(MAKE) --no-print-directory --jobs 2 --output-sync types style

types:
	$(CHECK_ENV) $(RUN) -m mypy

style:
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	.venv/bin/lint-imports --no-cache
	$(CHECK_ENV) $(RUN) manage.py makemigrations --check --dry-run

# The database that the tests copy, migrated while the types are checked on the other core.
template:
	@$(RUN) -m tests.support.template

# Three processes on two cores, and the type checker beside them: browsers, workers and races wait more than they compute.
test: setup-dev chromium
	@$(MAKE) --no-print-directory --jobs 2 --output-sync style template
	@$(MAKE) --no-print-directory --jobs 2 types together
	$(RUN) -m pytest -m alone tests/faults tests/flow tests/runtime

together:
	$(RUN) -m pytest -m "not alone" --numprocesses 3 --dist worksteal

# Races, kills and freezes at length: FAULT_SECONDS of random faults with FAULT_SEED, 300 rounds of every race.
FAULT_SECONDS ?= 600
FAULT_SEED ?= 1
test-faults: setup-dev
	HALITE_FAULT_SECONDS=$(FAULT_SECONDS) HALITE_FAULT_SEED=$(FAULT_SEED) HALITE_RACE_ROUNDS=300 \
	HALITE_MACHINE_EXAMPLES=200 \
		$(RUN) -m pytest -s -o timeout=1200 tests/faults tests/flow tests/quality/test_races.py tests/lots/test_material_machine.py

# All that needs no database, and the gates and guards, two at a time.
test-fast: setup-dev
	$(RUN) -m pytest -m "not slow and not browser and not flow and (core or not django_db)" --numprocesses 2 --dist worksteal \
		tests/lots tests/spc tests/quality
