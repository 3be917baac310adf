from __future__ import annotations

import gc
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

from gamification.components.badges import _path_of
from gamification.leaderboards import count_drifts
from gamification.maintenance import reconcile
from gamification.models import (
    Achievement,
    ActiveDay,
    Activity,
    ActivityTally,
    Board,
    FilterTally,
    LedgerEntry,
    StreakFreeze,
    UserAchievement,
    UserGamification,
    users,
)
from gamification.services.balance import report
from tests.factories import ActivityFactory, UserFactory
from tests.resets import keep_rows, quick_resets

# Tests must not fail because the machine is busy. A run that measures coverage makes up
# the same examples each time, lest it reach a line by chance.
settings.register_profile(
    "suite",
    deadline=None,
    derandomize="slipcover" in sys.modules,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

# Slow reports are cached. No report counts as slow, lest another test get it.
report.SLOW = math.inf

IS_POSTGRESQL = connection.vendor == "postgresql"

#: A statement that writes into a table other than those of the catalogue.
WRITES = re.compile(
    r"(?:INSERT INTO|UPDATE|DELETE FROM) +\"?gamification_(?!ach|activity\b)"
)

#: See ``has_progress``.
ANY_PROGRESS = "SELECT " + " OR ".join(
    f"EXISTS (SELECT 1 FROM {model._meta.db_table})"
    for model in (
        *(ActiveDay, ActivityTally, Board, FilterTally, LedgerEntry),
        *(StreakFreeze, UserAchievement, UserGamification),
    )
)

#: Files, each with fixtures whose rows were compared with the ledger.
compared: set[tuple[Any, ...]] = set()

#: Slow tests, which begin first, lest one worker wait for the other at the end.
LONG = (
    "tests/fuzzing",
    "tests/hosts",
    "tests/browser",
    "tests/examples",
    "tests/test_new_site",
    "tests/races",
    "tests/management/importing/test_memory",
    "tests/management/test_histories",
    "tests/services/test_memory",
    "tests/leaderboards/test_model",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with slow tests, and run those with a browser together."""

    def place(item: pytest.Item) -> int:
        found = (n for n, name in enumerate(LONG) if item.nodeid.startswith(name))
        return next(found, len(LONG))

    items.sort(key=place)


def pytest_collectstart() -> None:
    """Stop the garbage collector: collected tests stay in memory until the end."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Keep the garbage collector from visiting what stays until the end."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Let tests that commit leave the tables as the migrations made them."""
    with django_db_blocker.unblock():
        kept = keep_rows()
    with quick_resets(kept):
        yield


@pytest.fixture(autouse=True)
def progress_is_what_the_ledger_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """Reconcile after every test that may have written.

    If a test only reads, the rows of its fixtures are compared only once for each file.
    """
    marker = request.node.get_closest_marker("django_db")
    if not marker and not {"db", "transactional_db"} & {*request.fixturenames}:
        yield
        return
    # The database must still be there when the test is over.
    request.getfixturevalue("db")
    # Tests that commit may write through other connections.
    writers = {"call"} if marker and marker.kwargs.get("transaction") else set()

    def watch(execute: Any, sql: Any, *args: Any) -> Any:
        if WRITES.search(str(sql)):
            writers.add(os.environ["PYTEST_CURRENT_TEST"].rpartition("(")[2][:-1])
        return execute(sql, *args)

    with connection.execute_wrapper(watch):
        yield
    fixtures = request.path, *request.fixturenames
    if not connection.needs_rollback and (
        "call" in writers or (writers and fixtures not in compared)
    ):
        if has_progress():
            assert [str(drift) for drift in reconcile()] == []
            assert count_drifts() == []
        compared.add(fixtures)


def has_progress() -> bool:
    """Say whether there is a ledger, or anything that would have to follow from one."""
    with connection.cursor() as cursor:
        cursor.execute(ANY_PROGRESS)
        return bool(cursor.fetchone()[0])


@pytest.fixture
def user(db: None):
    return UserFactory()


@pytest.fixture
def staff(db: None):
    return UserFactory(is_staff=True)


@pytest.fixture
def swap_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    """Return a function that gives users another field for their keys, for this test.

    Functions that cache facts about keys forget them, also before the next test.
    """
    known = (
        users.converts_keys,
        users._keeps_keys,
        users.key_collation,
        users.whole_keys,
    )

    def swap(field: Any) -> None:
        monkeypatch.setattr(users, "key_field", lambda: field)
        for function in known:
            function.cache_clear()

    yield swap
    for function in known:
        function.cache_clear()


@pytest.fixture
def activity(db: None) -> Activity:
    """An activity worth 10 XP that unlocks nothing."""
    return ActivityFactory(key="walk", name="Walk")


@pytest.fixture
def no_achievements(db: None) -> None:
    # Nobody holds one yet, so there is nothing to collect first.
    Achievement.objects.all()._raw_delete(connection.alias)


@pytest.fixture
def site_badges(settings, tmp_path) -> Iterator[None]:
    """Let the site have a folder with a flame and a boat of its own."""
    folder = tmp_path / "visions/badges"
    folder.mkdir(parents=True)
    for name in ("flame", "boat"):
        (folder / f"{name}.svg").write_text("<svg/>")
    settings.STATICFILES_DIRS = [tmp_path]
    settings.GAMIFICATION = {"BADGE_FOLDER": "visions/badges"}
    finders.get_finder.cache_clear()
    _path_of.cache_clear()
    yield
    finders.get_finder.cache_clear()
    _path_of.cache_clear()
