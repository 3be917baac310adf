from __future__ import annotations

from dataclasses import replace

import pytest

from gamification.exceptions import GamificationError
from gamification.models import Celebration
from gamification.services import (
    ActivityRecord,
    Outcome,
    record_activity,
    record_each,
)
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture
def users(db):
    return [UserFactory(), UserFactory()]


def codes(results):
    """Return the codes of errors, and what was credited where there is none."""
    return [
        result.code if isinstance(result, GamificationError) else result.credited
        for result in results
    ]


def test_nothing_becomes_of_nothing():
    assert record_each([]) == []


def test_results_come_in_the_order_of_the_records(users):
    first, second = users
    records = [
        ActivityRecord(second, "walk", quantity=2),
        ActivityRecord(first, "walk"),
        ActivityRecord(second, "walk", quantity=3),
    ]

    results = record_each(records)

    assert codes(results) == [20, 10, 30]
    assert [result.entry.user_id for result in results] == [
        second.pk,
        first.pk,
        second.pk,
    ]


def test_a_refused_record_stops_none_of_the_others(users):
    first, second = users
    records = [
        ActivityRecord(first, "fly"),
        ActivityRecord(first, "walk"),
        ActivityRecord(first, "walk", quantity=0),
        ActivityRecord(None, "walk"),
        ActivityRecord(second, "walk", NOW.replace(year=2025)),
        ActivityRecord(second, "walk", key=""),
        ActivityRecord(second, "walk"),
    ]

    results = record_each(records)

    assert codes(results) == [
        "unknown_activity",
        10,
        "invalid_quantity",
        "unknown_user",
        "too_old",
        "invalid_key",
        10,
    ]
    assert [profile_of(user).total_xp for user in users] == [10, 10]


def test_outcomes_carry_the_ids_of_their_entries(users):
    results = record_each([ActivityRecord(user, "walk") for user in users * 2])

    written = {entry.pk for user in users for entry in ledger_of(user)}
    assert {result.entry.id for result in results} == written
    assert len(written) == 4


def test_outcomes_carry_the_ids_of_their_celebrations(users):
    AchievementFactory(key="medal", criterion="active_days")

    results = record_each([ActivityRecord(user, "walk") for user in users])

    shown = [notice.id for result in results for notice in result.celebrations]
    assert sorted(shown) == sorted(Celebration.objects.values_list("pk", flat=True))
    assert len(shown) == 4


def test_silent_records_celebrate_nothing(users):
    [result] = record_each(
        [ActivityRecord(users[0], "walk", None, 10)], celebrate=False
    )

    assert (result.level, result.celebrations) == (2, ())
    assert not Celebration.objects.exists()


def test_a_replay_is_the_first_outcome_again(users):
    records = [ActivityRecord(user, "walk", None, 5, "a") for user in users]
    first = record_each(records)
    before = everything()

    again = record_each(records)

    assert again == [replace(result, replayed=True) for result in first]
    assert [notice.kind for notice in again[0].celebrations] == ["level"]
    assert everything() == before


def test_a_key_twice_is_one_record(user):
    first, second = record_each([ActivityRecord(user, "walk", key="a")] * 2)

    assert second == replace(first, replayed=True)
    assert len(ledger_of(user)) == 1


def test_a_key_for_another_request_is_a_conflict(user):
    record_activity(user, "walk", key="a")

    results = record_each(
        [ActivityRecord(user, "walk", None, 2, "a"), ActivityRecord(user, "walk")]
    )

    assert codes(results) == ["idempotency_conflict", 10]


def test_a_single_record_is_as_good_as_many(user):
    [outcome] = record_each([ActivityRecord(user, "walk", key="a")])

    assert isinstance(outcome, Outcome)
    assert replace(outcome, replayed=True) == record_activity(user, "walk", key="a")


def test_records_beyond_one_transaction_go_into_the_next(settings, user):
    settings.GAMIFICATION = {"BATCH_SIZE": 2}

    results = record_each(ActivityRecord(user, "walk", key=key) for key in "abcab")

    assert [result.total_xp for result in results] == [10, 20, 30, 10, 20]
    assert [result.replayed for result in results] == [False] * 3 + [True] * 2
