from __future__ import annotations

from functools import partial

import pytest

from gamification.models import ActiveDay, LedgerEntry, UserAchievement
from gamification.services import (
    record_activity,
)
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    are_one_outcome,
    at_once,
    keys_of,
    total_of,
)

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]


def records(user, keys):
    return [partial(record_activity, user, "walk", key=key) for key in keys]


def test_records_with_distinct_keys_add_up(user):
    keys = [f"{n:02}" for n in range(16)]

    at_once(records(user, keys))

    assert total_of(user) == 160
    assert keys_of(user) == keys


def test_records_with_one_key_are_one_record(user):
    outcomes = at_once(records(user, ["once"] * 16))

    assert are_one_outcome(outcomes)
    assert total_of(user) == 10


@ONLY_POSTGRESQL
def test_distinct_keys_add_up_at_every_isolation_level(user, isolation_level):
    at_once(records(user, [str(n) for n in range(16)]))

    assert total_of(user) == 160


@ONLY_POSTGRESQL
def test_one_key_is_one_record_at_every_isolation_level(user, isolation_level):
    outcomes = at_once(records(user, ["once"] * 16))

    assert are_one_outcome(outcomes)
    assert total_of(user) == 10


def test_a_replay_has_the_unlocks_and_celebrations_of_the_first(user):
    AchievementFactory(criterion="total_xp", threshold=10, xp_reward=500)

    outcomes = at_once(records(user, ["once"] * 8))

    kinds = [notice.kind for notice in outcomes[0].celebrations]
    assert are_one_outcome(outcomes)
    assert kinds == ["achievement", "level"]


def test_records_without_keys_all_count(user):
    at_once(records(user, [None] * 16))

    assert total_of(user) == 160
    assert ActiveDay.objects.get(user=user).activities == 16


def test_each_of_the_totals_is_answered_once(user):
    outcomes = at_once(records(user, [None] * 16))

    assert sorted(outcome.total_xp for outcome in outcomes) == [*range(10, 170, 10)]


def test_a_threshold_crossed_by_many_unlocks_once(user):
    AchievementFactory(criterion="active_days", xp_reward=7)

    outcomes = at_once(records(user, [None] * 16))

    assert sum(len(outcome.unlocks) for outcome in outcomes) == 1
    assert sum(len(outcome.celebrations) for outcome in outcomes) > 0
    assert UserAchievement.objects.get(user=user).xp_awarded == 7


def test_a_daily_limit_holds_against_many(user, activity):
    activity.daily_limit = 5
    activity.save()

    outcomes = at_once(records(user, [None] * 16))

    assert sum(outcome.credited for outcome in outcomes) == 50
    assert LedgerEntry.objects.filter(user=user, amount=0).count() == 11


def test_a_cooldown_holds_against_many(user, activity):
    activity.cooldown = 3_600
    activity.save()

    outcomes = at_once(records(user, [None] * 16))

    assert sum(outcome.credited for outcome in outcomes) == 10


@ONLY_POSTGRESQL
def test_distinct_keys_add_up_with_prepared_statements(user, set_options):
    set_options(server_side_binding=True, prepare_threshold=1)

    def record(name):
        for n in range(6):
            record_activity(user, "walk", key=f"{name}-{n}")

    at_once([partial(record, name) for name in "abcd" * 2])

    assert total_of(user) == 240


@pytest.mark.skipif(IS_POSTGRESQL, reason="It is about what SQLite does.")
def test_distinct_keys_add_up_where_transactions_begin_as_readers(user, set_options):
    set_options(transaction_mode=None)

    at_once(records(user, [str(n) for n in range(16)]))

    assert total_of(user) == 160


@ONLY_POSTGRESQL
def test_a_hundred_writers_of_one_user_all_succeed(user):
    at_once(records(user, [str(n) for n in range(100)]))

    assert total_of(user) == 1_000
