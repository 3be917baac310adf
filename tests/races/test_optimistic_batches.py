"""What many did is decided before they are locked, and again after a conflict."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest
from django.db import Error, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg.errors import SerializationFailure

from gamification.exceptions import (
    IdempotencyConflictError,
    UnknownActivityError,
    UnknownUserError,
)
from gamification.models import LedgerEntry, UserAchievement
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    record_activities,
    record_activity,
    record_each,
)
from gamification.services.recording import writing
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    before_next_lock,
    before_next_write,
    before_statement,
    total_of,
)

pytestmark = [
    COMMITTED,
    ONLY_POSTGRESQL,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture
def users(db):
    """Three users who have rows, each with 5 XP."""
    users = UserFactory.create_batch(3)
    for user in users:
        adjust_xp(user, amount=5, note="a gift")
    return users


@pytest.fixture
def decided(monkeypatch):
    """Return the users of each decision, as they are made."""
    decided, decide_batch = [], writing.decide_batch

    def watch(*arguments, **options):
        decision = decide_batch(*arguments, **options)
        decided.append([*decision.new])
        return decision

    monkeypatch.setattr(writing, "decide_batch", watch)
    return decided


def walks(users, **fields):
    return [ActivityRecord(user, "walk", **fields) for user in users]


def fail_unless_savepoint(execute, sql, params, many, context):
    sql = sql if "SAVEPOINT" in sql else "SELECT 1/0"
    return execute(sql, None, many, context)


def totals_of(users):
    return [total_of(user) for user in users]


def test_only_a_user_with_a_conflict_is_decided_again(users, decided):
    with before_next_lock(partial(adjust_xp, users[1], amount=1, note="a gift")):
        record_activities(walks(users))

    assert decided == [[user.pk for user in users], [users[1].pk]]
    assert totals_of(users) == [15, 16, 15]


def test_outcomes_come_in_order_with_the_ids_of_their_entries(users):
    with before_next_lock(partial(record_activity, users[0], "walk")):
        outcomes = record_each(walks([*users, users[0]]))

    rows = LedgerEntry.objects.in_bulk([outcome.entry.id for outcome in outcomes])
    found = [rows[outcome.entry.id].user_id for outcome in outcomes]
    assert found == [user.pk for user in [*users, users[0]]]
    assert [outcome.total_xp for outcome in outcomes] == [25, 15, 15, 35]


def test_a_record_whose_key_was_used_meanwhile_is_a_replay(users):
    with before_next_lock(partial(record_activity, users[1], "walk", key="once")):
        report = record_activities(walks(users, key="once"))

    assert (report.recorded, report.replayed) == (2, 1)
    assert totals_of(users) == [15, 15, 15]


def test_a_key_that_comes_twice_is_one_record_after_all(users):
    batch = walks([*users, *users], key="once")

    with before_next_lock(partial(record_activity, users[1], "walk")):
        report = record_activities(batch)

    assert (report.recorded, report.replayed) == (3, 3)
    assert totals_of(users) == [15, 25, 15]


def test_a_record_whose_key_was_used_for_another_meanwhile_is_refused(users):
    other = partial(record_activity, users[1], "walk", quantity=2, key="once")

    with before_next_lock(other):
        results = record_each(walks(users, key="once"))

    assert isinstance(results[1], IdempotencyConflictError)
    assert totals_of(users) == [15, 25, 15]


def test_a_record_whose_limit_was_used_up_meanwhile_earns_nothing(users, activity):
    activity.daily_limit = 1
    activity.save()

    with before_next_lock(partial(record_activity, users[2], "walk")):
        outcomes = record_each(walks(users))

    assert [outcome.credited for outcome in outcomes] == [10, 10, 0]


def test_a_record_does_not_unlock_what_was_unlocked_meanwhile(users):
    AchievementFactory(criterion="active_days")

    with before_next_lock(partial(record_activity, users[0], "walk")):
        report = record_activities(walks(users))

    assert report.unlocks == 2
    assert UserAchievement.objects.count() == 3


def test_a_user_who_was_deleted_meanwhile_is_refused_alone(users):
    with before_next_lock(users[1].delete):
        *_, refused, last = results = record_each(walks(users))

    assert isinstance(refused, UnknownUserError)
    assert len(results) == 3
    assert total_of(users[2]) == last.total_xp == 15


def test_an_early_decision_that_cannot_be_serialized_is_made_under_the_locks(
    users, decided
):
    failures = [SerializationFailure()]

    def fail_once(execute, sql, params, many, context):
        if failures:
            raise OperationalError from failures.pop()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail_once):
        record_activities(walks(users))

    assert (totals_of(users), len(decided)) == ([15, 15, 15], 1)


def test_a_newcomer_keeps_nobody_from_being_decided_early(users, decided):
    newcomer = UserFactory()

    record_activities(walks([*users, newcomer]))

    assert decided == [[user.pk for user in users], [newcomer.pk]]


def test_newcomers_are_decided_with_everybody_else(users):
    newcomers = UserFactory.create_batch(2)

    outcomes = record_each(walks([newcomers[0], *users, newcomers[1]]))

    assert [outcome.total_xp for outcome in outcomes] == [10, 15, 15, 15, 10]


def test_a_user_who_became_known_meanwhile_is_decided_again(users):
    newcomer = UserFactory()

    with before_next_lock(partial(record_activity, newcomer, "walk")):
        report = record_activities(walks([*users, newcomer]))

    assert report.recorded == 4
    assert total_of(newcomer) == 20


def test_the_first_error_is_raised_although_later_ones_are_found_sooner(users):
    batch = [ActivityRecord(10**6, "walk"), ActivityRecord(users[0], "fly")]

    with pytest.raises(UnknownUserError):
        record_activities(batch)
    with pytest.raises(UnknownActivityError):
        record_activities(batch[::-1])


def test_a_batch_inside_of_a_transaction_is_decided_under_its_locks(users, decided):
    intruder = before_next_lock(partial(record_activity, users[0], "walk"))

    with transaction.atomic(), intruder:
        record_activities(walks(users))

    assert decided == [[user.pk for user in users]]
    assert totals_of(users) == [25, 15, 15]
    assert totals_of(users) == [25, 15, 15]


def test_a_caller_may_go_on_after_a_batch_that_failed(users):
    with transaction.atomic():
        with pytest.raises(Error), connection.execute_wrapper(fail_unless_savepoint):
            record_activities(walks(users))
        record_activities(walks(users))

    assert LedgerEntry.objects.filter(kind="activity").count() == 3


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_batch_sees_records_before_its_locks_at_every_level(users, level):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        with before_next_lock(partial(record_activity, users[0], "walk")):
            record_activities(walks(users))

    assert total_of(users[0]) == 25


def test_an_activity_that_goes_before_the_locks_refuses_its_records_alone(users):
    swim = ActivityFactory(key="swim")

    with before_next_lock(swim.delete):
        *_, refused = record_each([*walks(users), ActivityRecord(users[0], "swim")])

    assert isinstance(refused, UnknownActivityError)


def test_a_record_that_waits_for_the_lock_is_written_once(users):
    record = partial(record_activity, users[0], "walk")
    early, late = before_next_write(record), before_next_lock(record)

    with CaptureQueriesContext(connection) as queries, early, late:
        record()

    # The lock; where the user stands; the write; the end of the transaction.
    assert "FOR UPDATE" in queries[-4]["sql"]
    assert total_of(users[0]) == 35


def test_a_record_may_come_before_any_statement_of_a_batch():
    for number in count(1):
        users = UserFactory.create_batch(2)
        record_activities(walks(users))

        intruder = partial(record_activity, users[0], "walk")
        with before_statement(number, intruder) as undone:
            record_activities(walks(users))

        if undone:
            break
        assert totals_of(users) == [30, 20]
    assert number > 1
