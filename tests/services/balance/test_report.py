from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from gamification.exceptions import InvalidRequestError
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.services.balance import report
from gamification.services.balance.report import UnlockCounts, XPSource
from gamification.staff import (
    get_balance_report,
)
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db


def noon(day, hour=12):
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def at(day, hour=12):
    return time_machine.travel(noon(day, hour), tick=False)


@at(3)
def test_xp_is_reported_by_date_and_source(user, activity, no_achievements):
    kind = AchievementFactory(key="kind", xp_reward=7)
    record_activity(user, "walk", quantity=2, occurred_at=noon(2))
    record_activity(user, "walk")
    adjust_xp(user, amount=5, note="A present.")
    award_achievement(user, kind.key)

    assert get_balance_report(days=30).xp == {
        date(2026, 3, 2): {XPSource("activity", activity.pk): 20},
        date(2026, 3, 3): {
            XPSource("activity", activity.pk): 10,
            XPSource("adjustment"): 5,
            XPSource("achievement"): 7,
        },
    }


@at(3)
def test_a_sample_of_very_many_users_is_extrapolated(
    activity, no_achievements, monkeypatch
):
    monkeypatch.setattr(report, "MANY", 0)
    monkeypatch.setattr(report, "SAMPLED_DAYS", 2 * 30)
    for user in UserFactory.create_batch(4):
        record_activity(user, "walk")

    found = get_balance_report(days=7)

    # Whichever two are read, all four are alike.
    assert found.every == 2
    assert found.xp == {date(2026, 3, 3): {XPSource("activity", activity.pk): 40}}


@at(3)
def test_a_reversal_is_deducted_from_the_day_of_its_record(
    user, activity, no_achievements
):
    outcome = record_activity(user, "walk", occurred_at=noon(2))
    reverse_entry(user, entry_id=outcome.entry.id)

    assert get_balance_report().xp == {
        date(2026, 3, 2): {XPSource("activity", activity.pk): 0}
    }


@at(3)
def test_older_entries_are_left_out(user, activity, no_achievements):
    record_activity(user, "walk", occurred_at=noon(1, 13))
    record_activity(user, "walk", occurred_at=noon(2))

    report = get_balance_report(days=2)

    assert (report.since, report.until) == (date(2026, 3, 2), date(2026, 3, 3))
    assert list(report.xp) == [date(2026, 3, 2)]


def test_users_are_counted_by_level(user, no_achievements):
    adjust_xp(user, amount=60, note="A present.")
    adjust_xp(UserFactory(), amount=10, note="A present.")
    adjust_xp(UserFactory(), amount=10, note="A present.")

    assert get_balance_report().levels == {1: 2, 2: 1}


def test_holders_are_counted_and_unlocks_of_the_period(user, no_achievements):
    medal = AchievementFactory(key="medal")
    with at(1):
        award_achievement(user, "medal")
    with at(9):
        award_achievement(UserFactory(), "medal")
        award_achievement(other := UserFactory(), "medal")
        revoke_achievement(other, "medal")
        assert get_balance_report(days=7).unlocks == {medal.pk: UnlockCounts(2, 1, 1)}


def test_who_earns_an_achievement_again_is_no_new_holder(
    user, activity, no_achievements
):
    again = {"threshold": 1, "repeat_every": 1, "max_times": None}
    AchievementFactory(criterion="activity_count", activity=activity, **again)
    with at(1):
        record_activity(user, "walk")
    with at(9):
        record_activity(user, "walk", quantity=3)
        record_activity(UserFactory(), "walk", quantity=2)

        [counts] = get_balance_report(days=7).unlocks.values()

    assert counts == UnlockCounts(holders=2, new_holders=1, recent=5)


def test_the_days_to_a_level_are_a_median(activity, no_achievements):
    # Level 2 begins at 50 XP, level 3 at 150.
    for days in (1, 2, 5):
        user = UserFactory()
        with at(1):
            record_activity(user, "walk")
        with at(1 + days):
            record_activity(user, "walk", quantity=4 if days < 5 else 14)

    report = get_balance_report(days=1)

    assert (report.days_to_level, report.sampled) == ({2: 2.0, 3: 5.0}, 3)


def test_a_sample_of_many_users_is_read(monkeypatch, activity, no_achievements):
    monkeypatch.setattr(report, "SAMPLE", 2)
    for _ in range(6):
        record_activity(UserFactory(), "walk")

    assert get_balance_report().sampled == 2


def test_without_users_the_report_is_empty(db):
    report = get_balance_report()

    assert (report.xp, report.levels, report.days_to_level) == ({}, {}, {})


@pytest.mark.parametrize("days", [0, 366, True, "7", None])
def test_a_period_of_another_length_is_refused(db, days):
    with pytest.raises(InvalidRequestError) as caught:
        get_balance_report(days=days)

    assert str(caught.value) == f"Ask for 1 to 365 days, not {days!r}."


def test_it_takes_as_many_queries_for_more_users(
    user, activity, django_assert_num_queries
):
    for _ in range(9):
        record_activity(UserFactory(), "walk")

    # The table of levels, XP, levels, unlocks, the ends of the users, some ledgers.
    with django_assert_num_queries(6 + IS_POSTGRESQL):
        get_balance_report()


@pytest.fixture
def slowness(monkeypatch):
    """Everything takes long."""
    monkeypatch.setattr(report, "SLOW", -1.0)
    cache.clear()
    yield
    cache.clear()


def adjust(user):
    adjust_xp(user, amount=5, note="A present.")


def test_a_slow_report_is_cached_for_a_while(
    user, slowness, no_achievements, django_assert_num_queries
):
    with at(3):
        first = get_balance_report()
        adjust(user)
        with django_assert_num_queries(int(IS_POSTGRESQL)):
            assert get_balance_report() == first
    with at(3, 13):
        assert get_balance_report().levels == {1: 1}


def test_each_period_is_cached_by_itself(user, slowness, no_achievements):
    with at(3):
        get_balance_report(days=7)
        adjust(user)

        assert get_balance_report(days=30).levels == {1: 1}


def test_a_quick_report_is_not_cached(user, no_achievements):
    with at(3):
        get_balance_report()
        adjust(user)

        assert get_balance_report().levels == {1: 1}


def test_without_a_cache_the_report_is_the_same(db, slowness, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(LocMemCache, "get", fail)
    monkeypatch.setattr(LocMemCache, "set", fail)

    assert get_balance_report().levels == {}
    assert caplog.messages == ["The cache cannot be used."] * 2
