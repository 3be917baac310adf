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
# Tests that measure memory, play random games, or start a browser, a server or a site.
SLOW := $(addprefix tests/,browser examples fuzzing test_new_site.py \
	test_leaderboards_model.py management/importing/test_memory.py \
	services/test_memory.py services/many/test_random_games.py \
	$(addprefix promises/test_,model.py order.py previews.py undoing.py))
# Tests of the API and of PostgreSQL of which no line depends alone, or by chance.
REPEATED := $(addprefix tests/,services/test_drift.py \
	api/test_openapi.py::test_the_committed_schema_is_valid \
	$(addprefix api/test_,bad_inputs.py boost_vectors.py streak_vectors.py) \
	$(addprefix storage/test_,equivalence.py nearby.py::test_after_each statements.py))
# Tests of lines that only PostgreSQL runs, and those of the API.
MEASURED := $(filter-out $(SLOW),$(wildcard tests/services/test_*.py)) \
	$(addprefix tests/,api storage services/recording services/corrections \
	services/many/test_undo.py conditions/test_corrections.py \
	test_leaderboards_upkeep.py test_migrations.py \
	$(addprefix races/test_,boards.py corrections.py faults.py optimistic_batches.py \
	optimistic_records.py))
# Tests of which no line depends alone: their coverage, which takes twice the time, is
# not measured. Many are measured on PostgreSQL, and have no line of SQLite's; single
# ones repeat with much, or with random examples, what others do once.
PLAIN := $(addprefix tests/,races hosts promises example_project \
	conditions/test_properties.py \
	management/test_histories.py services/corrections services/many/test_undo.py \
	$(addprefix services/boosts/test_,random_games.py vectors.py) \
	$(addprefix services/streaks/test_,model.py vectors.py) $(addprefix test_, \
	architecture.py docs.py docs_pages.py extras.py glossary.py \
	leaderboards_upkeep.py progression_timeline.py)) \
	$(filter-out $(addprefix tests/services/,recording/test_repeats.py \
	$(addprefix test_,callers_rows.py database_errors.py turns.py unit_of_work.py)), \
	$(wildcard tests/services/recording/test_*.py) \
	$(filter tests/services/test_%,$(MEASURED))) \
	$(addprefix tests/,admin/balance/test_tuning.py::test_a_page_of_very_many \
	admin/players/test_page.py::test_the_number_of_queries \
	admin/test_history.py::test_the_number_of_queries \
	services/balance/test_recalculation.py::test_it_agrees \
	services/balance/test_simulation.py::test_it_agrees \
	storage/test_nearby.py::test_after_each_step test_leaderboards.py::test_a_board_takes \
	test_leaderboards_life.py::test_a_tick_that_is_skipped \
	test_migrations.py::test_an_edit test_strict_json.py::test_what_json_can_say)
# Tests that send the keys of users to the server in SQL of ours, or convert them.
KEYED := $(addprefix tests/api/test_,achievement_backfill.py records.py \
	user_lookup.py users.py) tests/conditions/test_corrections.py
# Tests without a query of their own, or with Django's queries alone.
PORTABLE := $(addprefix tests/,domain pages templatetags example_project admin api \
	management/importing $(addprefix management/test_,gamification_catalogue.py \
	gamification_groups.py options.py progress_bar.py) $(addprefix models/test_, \
	boost_text.py condition_text.py criterion_text.py permissions.py rule_checks.py) \
	$(addprefix services/catalogue/test_,bulk.py change_log.py defaults.py seeds.py) \
	services/catalogue/files/test_streaks.py services/levels/test_files.py \
	$(addprefix test_,architecture.py benchmarks.py conf.py docs.py docs_pages.py \
	exceptions.py extras.py glossary.py static.py strict_json.py suggestions.py))
# The others: all that asks the database in ways of our own.
ASKING := $(filter-out $(PORTABLE) $(addprefix tests/,data management storage \
	uuid_users __pycache__), \
	$(patsubst %/,%,$(wildcard tests/*/)) \
	$(wildcard tests/test_*.py tests/management/test_*.py)) \
	tests/management/importing/test_memory.py $(KEYED)
COVERED := --cov --cov-append --cov-report= --cov-fail-under=0

# Otherwise each run would compile the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-data test pytest suite lint style types migrations format schema \
	pictures fuzz load benchmark bench clean

demo: demo-data ## Make the demo data and serve it on 127.0.0.1:8000.
	$(MANAGE) runserver 127.0.0.1:8000

demo-data: $(VENV)/demo ## Make a few hundred demo users with months of history.
	$(MANAGE) migrate --verbosity 0
	$(MANAGE) demo_data

test: lint pytest ## Check the style and the types, then run the suite.

pytest: $(VENV)/dev ## Run the suite.
	$(MAKE) suite

# The suite with the interpreter in $(BIN), whoever installed the dependencies there:
# on SQLite with users whose keys are UUIDs, then the API, and what only PostgreSQL runs,
# there with Django's own users, then all that asks the database on PostgreSQL with
# UUIDs. Coverage doubles the time of a test, so few tests are measured twice.
suite:
	rm -f .coverage
	TEST_USER_MODEL=uuid_users.Member UNMEASURED="$(PLAIN)" \
		$(PYTEST) $(COVERED) $(addprefix --ignore ,tests/api $(SLOW))
	TEST_DATABASE=postgresql UNMEASURED="$(REPEATED)" \
		$(PYTEST) $(COVERED) $(MEASURED)
	TEST_DATABASE=postgresql TEST_USER_MODEL=uuid_users.Member $(PYTEST) $(ASKING) \
		$(addprefix --ignore ,$(filter-out $(KEYED),$(filter %.py, \
		$(MEASURED) $(PORTABLE))))
	$(BIN)/python -m coverage report

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
	TEST_DATABASE=postgresql FUZZ_EXAMPLES=200 \
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
