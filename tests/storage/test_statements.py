"""How many statements a verb takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from gamification.models import Activity
from gamification.services import (
    ActivityRecord,
    award_achievement,
    record_activities,
    record_activity,
    set_time_zone,
)
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import COMMITTED

pytestmark = [COMMITTED, pytest.mark.usefixtures("no_achievements", "activity")]

ONLY_POSTGRESQL = pytest.mark.skipif(
    not IS_POSTGRESQL, reason="It is about the set-based store."
)

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)

#: The most that a record may take that unlocks nothing.
FEW = 4

#: What begins and ends a transaction is not counted.
NOT_COUNTED = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOW, tick=False):
        yield


def statements(action):
    """Return how many statements ``action`` takes, the catalogue being known."""
    record_activity(UserFactory(), "walk")
    with CaptureQueriesContext(connection) as queries:
        action()
    return len([q for q in queries if not q["sql"].startswith(NOT_COUNTED)])


def walk_of(user, **options):
    return lambda: record_activity(user, "walk", **options)


def with_history(user, entries):
    """Give the user this many entries, on hundred days of the past."""
    record_activities(
        (
            ActivityRecord(user, "walk", NOW - timedelta(days=2 + n % 100), key=f"k{n}")
            for n in range(entries)
        ),
        historical=True,
        celebrate=False,
    )


@ONLY_POSTGRESQL
def test_a_first_ever_record_takes_few(user):
    assert statements(walk_of(user)) <= FEW


@ONLY_POSTGRESQL
@pytest.mark.parametrize("entries", [1, 1_000])
def test_a_record_takes_as_few_with_any_history(user, entries):
    with_history(user, entries)

    assert statements(walk_of(user)) == 2


@ONLY_POSTGRESQL
@pytest.mark.parametrize("achievements", [3, 300])
def test_a_record_takes_as_few_with_any_catalogue(user, achievements):
    for number in range(achievements):
        AchievementFactory(criterion="total_xp", threshold=10_000 + number)
        ActivityFactory()
    record_activity(user, "walk")

    assert statements(walk_of(user)) == 2


@ONLY_POSTGRESQL
@pytest.mark.parametrize("entries", [1, 1_000])
def test_a_late_record_takes_few(user, entries):
    with_history(user, entries)
    record_activity(user, "walk")

    late = walk_of(user, occurred_at=NOW - timedelta(days=1))
    assert statements(late) <= FEW


@ONLY_POSTGRESQL
@pytest.mark.parametrize("entries", [1, 1_000])
def test_a_record_with_a_key_takes_few(user, entries):
    with_history(user, entries)

    assert statements(walk_of(user, key="new", source="kpi:1")) <= FEW


@ONLY_POSTGRESQL
def test_a_late_first_record_with_a_key_and_limits_takes_few(user):
    Activity.objects.filter(key="walk").update(daily_limit=3, cooldown=60)

    late = walk_of(user, key="a", occurred_at=NOW - timedelta(hours=40), quantity=5)
    assert statements(late) <= FEW


@ONLY_POSTGRESQL
@pytest.mark.parametrize("entries", [1, 1_000])
def test_a_record_under_a_limit_takes_few(user, entries):
    Activity.objects.filter(key="walk").update(daily_limit=3, cooldown=60)
    with_history(user, entries)

    assert statements(walk_of(user)) <= FEW


@ONLY_POSTGRESQL
def test_a_record_in_a_callers_transaction_takes_as_few(user):
    record_activity(user, "walk")

    with transaction.atomic():
        assert statements(walk_of(user)) <= FEW


@ONLY_POSTGRESQL
def test_a_record_of_somebody_with_a_zone_and_achievements_takes_as_few(user):
    AchievementFactory(key="medal")
    award_achievement(user, "medal")
    set_time_zone(user, "Asia/Tokyo")
    record_activity(user, "walk")

    assert statements(walk_of(user)) <= FEW


@ONLY_POSTGRESQL
def test_a_record_that_celebrates_takes_few(user):
    assert statements(walk_of(user, quantity=100)) <= FEW


@ONLY_POSTGRESQL
def test_a_replay_takes_few(user):
    record_activity(user, "walk", key="a", quantity=100)

    assert statements(walk_of(user, key="a", quantity=100)) <= FEW


@ONLY_POSTGRESQL
def test_a_batch_takes_as_many_for_any_number_of_records():
    def walks(count):
        users = [UserFactory() for _ in range(count)]
        records = [ActivityRecord(user, "walk", key="a") for user in users]
        return statements(lambda: record_activities(records))

    assert walks(2) == walks(500)


def test_a_record_takes_no_more_for_more_history_or_a_larger_catalogue():
    def walks():
        return statements(walk_of(user, key=f"walk {len(counts)}"))

    counts, user = [], UserFactory()
    record_activity(user, "walk")
    counts.append(walks())
    with_history(user, 300)
    counts.append(walks())
    for number in range(100):
        AchievementFactory(criterion="total_xp", threshold=10_000 + number)
    counts.append(walks())

    assert counts == [counts[0]] * 3
