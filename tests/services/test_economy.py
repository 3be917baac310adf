from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from gamification.exceptions import InvalidRequestError
from gamification.services import (
    adjust_xp,
    aread_economy,
    award_achievement,
    economy,
    read_economy,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.services.economy import Source, Unlocks
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db


def noon(day, hour=12):
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def at(day, hour=12):
    return time_machine.travel(noon(day, hour), tick=False)


@at(3)
def test_xp_is_told_by_date_and_source(user, activity, no_achievements):
    kind = AchievementFactory(key="kind", xp_reward=7)
    record_activity(user, "walk", quantity=2, occurred_at=noon(2))
    record_activity(user, "walk")
    adjust_xp(user, amount=5, note="A present.")
    award_achievement(user, kind.key)

    assert read_economy(days=30).xp == {
        date(2026, 3, 2): {Source("activity", activity.pk): 20},
        date(2026, 3, 3): {
            Source("activity", activity.pk): 10,
            Source("adjustment"): 5,
            Source("achievement"): 7,
        },
    }


@at(3)
def test_what_was_taken_back_is_gone_from_its_day(user, activity, no_achievements):
    outcome = record_activity(user, "walk", occurred_at=noon(2))
    reverse_entry(user, entry_id=outcome.entry.id)

    assert read_economy().xp == {date(2026, 3, 2): {Source("activity", activity.pk): 0}}


@at(3)
def test_what_is_older_is_left_out(user, activity, no_achievements):
    record_activity(user, "walk", occurred_at=noon(1, 13))
    record_activity(user, "walk", occurred_at=noon(2))

    economy = read_economy(days=2)

    assert (economy.since, economy.until) == (date(2026, 3, 2), date(2026, 3, 3))
    assert list(economy.xp) == [date(2026, 3, 2)]


def test_users_are_told_by_level(user, no_achievements):
    adjust_xp(user, amount=60, note="A present.")
    adjust_xp(UserFactory(), amount=10, note="A present.")
    adjust_xp(UserFactory(), amount=10, note="A present.")

    assert read_economy().levels == {1: 2, 2: 1}


def test_unlocks_are_told_with_those_of_the_period(user, no_achievements):
    medal = AchievementFactory(key="medal")
    with at(1):
        award_achievement(user, "medal")
    with at(9):
        award_achievement(UserFactory(), "medal")
        award_achievement(other := UserFactory(), "medal")
        revoke_achievement(other, "medal")
        assert read_economy(days=7).unlocks == {medal.pk: Unlocks(2, 1)}


def test_the_time_to_a_level_is_that_of_a_median_user(activity, no_achievements):
    # Level 2 begins at 50 XP, level 3 at 150.
    for days in (1, 2, 5):
        user = UserFactory()
        with at(1):
            record_activity(user, "walk")
        with at(1 + days):
            record_activity(user, "walk", quantity=4 if days < 5 else 14)

    economy = read_economy(days=1)

    assert (economy.days_to_level, economy.sampled) == ({2: 2.0, 3: 5.0}, 3)


def test_of_many_users_some_are_looked_at(monkeypatch, activity, no_achievements):
    monkeypatch.setattr(economy, "SAMPLE", 2)
    for _ in range(6):
        record_activity(UserFactory(), "walk")

    assert read_economy().sampled == 2


def test_where_nobody_is_there_is_nothing(db):
    economy = read_economy()

    assert (economy.xp, economy.levels, economy.days_to_level) == ({}, {}, {})


@pytest.mark.parametrize("days", [0, 366, True, "7", None])
def test_days_that_cannot_be_looked_back_on_are_refused(db, days):
    with pytest.raises(InvalidRequestError) as caught:
        read_economy(days=days)

    assert str(caught.value) == "The days are not 1 to 365."


def test_it_takes_as_many_queries_for_more_users(
    user, activity, django_assert_num_queries
):
    for _ in range(9):
        record_activity(UserFactory(), "walk")

    # XP, levels, unlocks, the ends of the users, the ledgers of some.
    with django_assert_num_queries(5):
        read_economy()


@pytest.fixture
def slowness(monkeypatch):
    """Everything takes long."""
    monkeypatch.setattr(economy, "SLOW", -1.0)
    cache.clear()
    yield
    cache.clear()


def adjust(user):
    adjust_xp(user, amount=5, note="A present.")


def test_what_took_long_is_kept_for_a_while(
    user, slowness, no_achievements, django_assert_num_queries
):
    with at(3):
        first = read_economy()
        adjust(user)
        with django_assert_num_queries(0):
            assert read_economy() == first
    with at(3, 13):
        assert read_economy().levels == {1: 1}


def test_each_period_is_kept_by_itself(user, slowness, no_achievements):
    with at(3):
        read_economy(days=7)
        adjust(user)

        assert read_economy(days=30).levels == {1: 1}


def test_what_was_quick_is_worked_out_anew(user, no_achievements):
    with at(3):
        read_economy()
        adjust(user)

        assert read_economy().levels == {1: 1}


def test_a_cache_that_fails_costs_time_alone(db, slowness, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(LocMemCache, "get", fail)
    monkeypatch.setattr(LocMemCache, "set", fail)

    assert read_economy().levels == {}
    assert caplog.messages == ["The cache cannot be used."] * 2


def test_it_has_a_twin_for_async_callers(db):
    assert async_to_sync(aread_economy)(days=1).levels == {}
