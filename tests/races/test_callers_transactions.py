from __future__ import annotations

from functools import partial
from threading import Barrier

import pytest
from django.db import OperationalError, connection, transaction

from gamification import signals
from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    award_achievement,
    record_activities,
    record_activity,
    reverse_source,
)
from tests.factories import AchievementFactory, UserFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    PATIENCE,
    at_once,
    before_next_write,
    total_of,
)

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]

VERBS = {
    "record": lambda user: record_activity(user, "walk"),
    "batch": lambda user: record_activities([ActivityRecord(user, "walk")] * 2),
    "award": lambda user: award_achievement(user, AchievementFactory().key),
    "reverse": lambda user: reverse_source(user, source="shop:1"),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_nothing_remains_when_the_caller_rolls_back(user, verb):
    record_activity(user, "walk", source="shop:1")

    with transaction.atomic():
        verb(user)
        transaction.set_rollback(True)

    assert total_of(user) == 10
    assert LedgerEntry.objects.count() == 1


def test_a_newcomer_has_no_row_when_the_caller_rolls_back(user):
    with transaction.atomic():
        record_activity(user, "walk", key="once")
        transaction.set_rollback(True)

    assert not UserGamification.objects.exists()


def test_a_key_is_free_again_when_the_caller_rolled_back(user):
    with transaction.atomic():
        record_activity(user, "walk", key="once")
        transaction.set_rollback(True)

    assert not record_activity(user, "walk", key="once").replayed


@pytest.fixture
def announced():
    """Outcomes that were announced."""
    outcomes = []

    def receiver(outcome, **_):
        outcomes.append(outcome)

    signals.activity_recorded.connect(receiver)
    yield outcomes
    signals.activity_recorded.disconnect(receiver)


def test_records_are_announced_when_the_caller_commits(user, announced):
    with transaction.atomic():
        record_activity(user, "walk")
        before = [*announced]

    assert (before, len(announced)) == ([], 1)


def test_nothing_is_announced_when_the_caller_rolls_back(user, announced):
    with transaction.atomic():
        record_activity(user, "walk")
        transaction.set_rollback(True)

    assert announced == []


def test_records_in_callers_transactions_all_count(user):
    def record():
        with transaction.atomic():
            record_activity(user, "walk")
            record_activity(user, "walk")

    at_once([record] * 8)

    assert total_of(user) == 160


@ONLY_POSTGRESQL
def test_a_deadlock_in_a_callers_transaction_is_the_callers():
    first, second = UserFactory.create_batch(2)
    meeting, causes = Barrier(2), []

    def record(one, other):
        try:
            with transaction.atomic():
                record_activity(one, "walk")
                meeting.wait(PATIENCE)
                record_activity(other, "walk")
        except OperationalError as error:
            causes.append(type(error.__cause__).__name__)

    at_once([partial(record, first, second), partial(record, second, first)])

    assert causes == ["DeadlockDetected"]
    assert [total_of(first), total_of(second)] == [10, 10]


@ONLY_POSTGRESQL
def test_a_serialization_failure_in_a_callers_transaction_is_the_callers(user):
    record_activity(user, "walk")

    def record_twice():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            with before_next_write(lambda: record_activity(user, "walk")):
                record_activity(user, "walk")

    with pytest.raises(OperationalError) as error:
        record_twice()

    assert type(error.value.__cause__).__name__ == "SerializationFailure"
    assert total_of(user) == 20
