"""What many did is decided before they are locked, and again for who was outrun."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest
from django.db import transaction

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
from gamification.services.ruling import Ruling
from tests.factories import AchievementFactory, UserFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    before_next_lock,
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


def walks(users, **fields):
    return [ActivityRecord(user, "walk", **fields) for user in users]


def totals_of(users):
    return [total_of(user) for user in users]


def test_only_who_was_outrun_is_decided_again(users, monkeypatch):
    folded = []
    fold = Ruling.fold_all
    monkeypatch.setattr(
        Ruling, "fold_all", lambda self: folded.append(fold(self)) or folded[-1]
    )

    with before_next_lock(partial(adjust_xp, users[1], amount=1, note="a gift")):
        record_activities(walks(users))

    decided = [[each.standing.user_id for each in folds] for folds in folded]
    assert decided == [[user.pk for user in users], [users[1].pk]]
    assert totals_of(users) == [15, 16, 15]


def test_outcomes_come_in_order_with_the_ids_of_their_entries(users):
    with before_next_lock(partial(record_activity, users[0], "walk")):
        outcomes = record_each(walks([*users, users[0]]))

    rows = LedgerEntry.objects.in_bulk([outcome.entry.id for outcome in outcomes])
    found = [rows[outcome.entry.id].user_id for outcome in outcomes]
    assert found == [user.pk for user in [*users, users[0]]]
    assert [outcome.total_xp for outcome in outcomes] == [25, 15, 15, 35]


def test_who_was_outrun_by_their_own_key_replays(users):
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


def test_who_was_outrun_by_another_request_with_the_key_is_refused(users):
    outrun = partial(record_activity, users[1], "walk", quantity=2, key="once")

    with before_next_lock(outrun):
        results = record_each(walks(users, key="once"))

    assert isinstance(results[1], IdempotencyConflictError)
    assert totals_of(users) == [15, 25, 15]


def test_who_was_outrun_to_the_daily_limit_earns_nothing(users, activity):
    activity.daily_limit = 1
    activity.save()

    with before_next_lock(partial(record_activity, users[2], "walk")):
        outcomes = record_each(walks(users))

    assert [outcome.credited for outcome in outcomes] == [10, 10, 0]


def test_who_was_outrun_to_an_unlock_does_not_unlock_again(users):
    AchievementFactory(criterion="active_days")

    with before_next_lock(partial(record_activity, users[0], "walk")):
        report = record_activities(walks(users))

    assert report.unlocks == 2
    assert UserAchievement.objects.count() == 3


def test_who_was_outrun_by_their_own_deletion_is_refused_alone(users):
    with before_next_lock(users[1].delete):
        *_, refused, last = results = record_each(walks(users))

    assert isinstance(refused, UnknownUserError)
    assert len(results) == 3
    assert total_of(users[2]) == last.total_xp == 15


def test_newcomers_are_decided_with_everybody_else(users):
    newcomers = UserFactory.create_batch(2)

    outcomes = record_each(walks([newcomers[0], *users, newcomers[1]]))

    assert [outcome.total_xp for outcome in outcomes] == [10, 15, 15, 15, 10]


def test_who_became_known_meanwhile_is_decided_again(users):
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


def test_a_batch_inside_of_a_transaction_is_decided_again_too(users):
    outrun = before_next_lock(partial(record_activity, users[0], "walk"))

    with transaction.atomic(), outrun:
        record_activities(walks(users))

    assert totals_of(users) == [25, 15, 15]


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
