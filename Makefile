# Everything here sets itself up: it needs Python 3.11 or later, and pip's registry.

PYTHON ?= python3
# pyenv hides the interpreters that are not selected; look there too.
FOUND := $(shell $(PYTHON) -c 'import sys; print(sys.executable)' 2>/dev/null || \
	ls "$$(pyenv root 2>/dev/null)"/versions/*/bin/$(PYTHON) 2>/dev/null | tail -n 1)
INTERPRETER := $(or $(FOUND),false)
VERSION := $(shell $(INTERPRETER) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv-$(VERSION)
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
PYTEST := $(BIN)/python -m pytest
# Tests that measure memory, play random games, or start a browser, a server or sites.
SLOW := $(addprefix tests/,browser fuzzing hosts \
	leaderboards/test_model.py management/importing/test_memory.py \
	services/test_memory.py services/many/test_random_games.py \
	$(addprefix promises/test_,history.py milestones.py model.py order.py previews.py \
	undoing.py))
# Tests of lines that only PostgreSQL runs, and those of the API.
MEASURED := $(filter-out $(SLOW),$(wildcard tests/services/test_*.py)) \
	$(addprefix tests/,api fuzzing storage services/recording services/corrections \
	services/many/test_undo.py conditions/test_corrections.py \
	leaderboards/test_upkeep.py test_migrations.py \
	$(addprefix races/test_,boards.py corrections.py faults.py levels.py \
	optimistic_batches.py optimistic_records.py))
# Tests that send the keys of users to the server in SQL of ours, or convert them.
KEYED := $(addprefix tests/,$(addprefix api/,achievements/test_backfill.py \
	test_records.py test_user_lookup.py users/test_views.py) \
	conditions/test_corrections.py)
# Tests without a query of their own, or with Django's queries alone.
PORTABLE := $(addprefix tests/,domain pages templatetags example_project examples admin \
	api management/importing $(addprefix management/test_,gamification_catalogue.py \
	gamification_groups.py options.py progress_bar.py) $(addprefix models/, \
	$(addprefix texts/test_,boosts.py conditions.py criteria.py) \
	rules/test_checks.py test_permissions.py) \
	$(addprefix services/catalogue/test_,bulk.py change_log.py defaults.py seeds.py) \
	services/catalogue/files/test_streaks.py services/levels/test_files.py \
	$(addprefix test_,architecture.py benchmarks.py conf.py docs.py docs_pages.py \
	exceptions.py extras.py glossary.py new_site.py static.py strict_json.py suggestions.py))
# The others: all that asks the database in ways of our own.
ASKING := $(filter-out $(PORTABLE) $(addprefix tests/,data fuzzing management storage \
	uuid_users __pycache__), \
	$(patsubst %/,%,$(wildcard tests/*/)) \
	$(wildcard tests/test_*.py tests/management/test_*.py)) \
	tests/management/importing/test_memory.py $(KEYED)
COVERAGE := $(BIN)/python -m slipcover

# Otherwise each run would compile the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-data test pytest suite measured asking lint style types migrations \
	format schema pictures fuzz load benchmark bench clean

demo: demo-data ## Make the demo data and serve it on 127.0.0.1:8000.
	$(MANAGE) runserver 127.0.0.1:8000

demo-data: $(VENV)/demo ## Make a few hundred demo users with months of history.
	$(MANAGE) migrate --verbosity 0
	$(MANAGE) demo_data

test: lint pytest ## Check the style and the types, then run the suite.

pytest: $(VENV)/dev ## Run the suite.
	$(MAKE) suite

# The suite with the interpreter in $(BIN), whoever installed the dependencies there.
# Two sides, each a process that runs one test after the other, take less time together
# than runs with two workers, each of which imports, collects and migrates by itself.
suite:
	rm -f .coverage.*
	$(MAKE) --jobs 2 --no-print-directory measured asking
	$(COVERAGE) --merge .coverage.sqlite .coverage.postgresql --out .coverage.all \
		--skip-covered --fail-under 100

# On SQLite with users whose keys are UUIDs, then the API, and what only PostgreSQL runs,
# there with Django's own users.
measured:
	TEST_USER_MODEL=uuid_users.Member $(COVERAGE) --json --out .coverage.sqlite \
		-m pytest -n 0 $(addprefix --ignore ,tests/api $(SLOW))
	TEST_DATABASE=postgresql $(COVERAGE) --json --out .coverage.postgresql \
		-m pytest -n 0 $(MEASURED)

# All that asks the database on PostgreSQL with UUIDs, which reaches no other lines. The
# output comes at the end, lest it mixes with that of the other side.
asking:
	output=$$(TEST_DATABASE=postgresql TEST_USER_MODEL=uuid_users.Member $(PYTEST) -n 0 \
		$(ASKING) $(addprefix --ignore ,$(filter-out $(KEYED),$(filter %.py, \
		$(MEASURED) $(PORTABLE)))) 2>&1); status=$$?; echo "$$output"; exit $$status

lint: style types migrations ## Check the style, the types and the migrations.

style: $(VENV)/dev ## Check the style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev ## Check the types.
	$(BIN)/mypy

migrations: $(VENV)/dev ## Check that no migration is missing.
	$(MANAGE) makemigrations --check --dry-run --verbosity 0

format: $(VENV)/dev ## Put the code into shape.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(VENV)/demo ## Write down what the API says of itself.
	$(MANAGE) spectacular --validate --fail-on-warn --file docs/openapi.yaml

pictures: $(VENV)/dev ## Make the pictures of the README and of docs/, with Chromium.
	$(BIN)/python docs/pictures.py

fuzz: $(VENV)/dev ## Make up requests from the schema, for a quarter of an hour.
	TEST_DATABASE=postgresql FUZZ_EXAMPLES=200 FUZZ_SECONDS=900 \
		FUZZ_PHASES=examples,coverage,fuzzing,stateful $(PYTEST) -n 0 tests/fuzzing

load: $(VENV)/dev ## Let many writers do anything at once, for a quarter of an hour.
	TEST_DATABASE=postgresql MIXED_LOAD_SECONDS=900 $(PYTEST) -n 0 -s tests/races/load

benchmark: $(VENV)/dev ## Measure recording and reading against raw SQL.
	$(BIN)/python benchmarks/recording.py
	$(BIN)/python benchmarks/api.py

# The number of users: BENCH_USERS="10000 1000000".
BENCH_USERS ?= 10000

bench: $(VENV)/dev ## Measure recording and boards beside other packages.
	$(BIN)/python -m benchmarks.peers.compare --users $(BENCH_USERS)

clean:
	rm -rf .bench .venv-* .coverage* .mypy_cache .pytest_cache .ruff_cache \
		demo.sqlite3*

# pip runs again when pyproject.toml changes.
$(VENV)/demo $(VENV)/dev: pyproject.toml
	@$(INTERPRETER) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This needs Python 3.11 or later; name one with PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(INTERPRETER) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[$(notdir $@)]'
	touch $@
