from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings

from gamification.leaderboards import count_drifts
from gamification.maintenance import (
    reconcile,
)
from gamification.models import Achievement, Activity
from gamification.services.balance import report
from tests.factories import ActivityFactory, UserFactory

# A busy machine is no reason to fail.
settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

# Nor is it one to remember what another test saw.
report.SLOW = math.inf

IS_POSTGRESQL = connection.vendor == "postgresql"


@pytest.fixture(autouse=True)
def progress_is_what_the_ledger_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """Reconcile after every test that may have written."""
    is_marked = request.node.get_closest_marker("django_db")
    may_write = is_marked or {"db", "transactional_db"} & {*request.fixturenames}
    if may_write:
        # The database must still be there when the test is over.
        request.getfixturevalue("db")
    yield
    if may_write and not connection.needs_rollback:
        assert [str(drift) for drift in reconcile()] == []
        assert [*count_drifts("default")] == []


@pytest.fixture
def user(db: None):
    return UserFactory()


@pytest.fixture
def staff(db: None):
    return UserFactory(is_staff=True)


@pytest.fixture
def activity(db: None) -> Activity:
    """An activity worth 10 XP that unlocks nothing."""
    return ActivityFactory(key="walk", name="Walk")


@pytest.fixture
def no_achievements(db: None) -> None:
    Achievement.objects.all().delete()


@pytest.fixture(scope="module")
def catalogue_is_put_back(django_db_setup, django_db_blocker) -> Iterator[None]:
    """Leave the tables to other modules as the migrations made them."""
    yield
    with django_db_blocker.unblock():
        contents = connection._test_serialized_contents
        connection.creation.deserialize_db_from_string(contents)
