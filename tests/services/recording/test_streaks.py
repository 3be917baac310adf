from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gamification.services import (
    record_activity,
    reverse_entry,
    set_time_zone,
)
from tests.factories import ActivityFactory
from tests.inspection import held_by, profile_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("activity")]

#: The table of semantics. A word is a change of zone, a number of days the outcome.
CASES = {
    "a day of 25 hours": (
        [
            "Europe/London",
            (2026, 10, 24, 10),
            (2026, 10, 25, 10),
            (2026, 10, 26, 10),
        ],
        3,
    ),
    "a day without midnight": (
        [
            "Africa/Cairo",
            (2026, 4, 23, 23, 59),
            (2026, 4, 24, 1),
            (2026, 4, 25, 12),
        ],
        3,
    ),
    "a day that never was": (
        [
            "Pacific/Apia",
            (2011, 12, 28, 20),
            (2011, 12, 29, 20),
            (2011, 12, 31, 20),
        ],
        3,
    ),
    "twenty minutes around midnight": (
        ["Asia/Kolkata", (2026, 3, 1, 23, 50), (2026, 3, 2, 0, 10)],
        2,
    ),
    "a late, an early and a late hour": (
        [
            "America/Los_Angeles",
            (2026, 6, 1, 23),
            (2026, 6, 2, 9),
            (2026, 6, 3, 22),
        ],
        3,
    ),
    "a flight east over the date line": (
        [
            "Pacific/Honolulu",
            (2026, 5, 3, 20),
            (2026, 5, 4, 20),
            ("Pacific/Auckland", (2026, 5, 4, 23, 30)),
            (2026, 5, 6, 9),
        ],
        3,
    ),
    "a flight west over the date line": (
        [
            "Pacific/Auckland",
            (2026, 5, 5, 9),
            (2026, 5, 6, 9),
            ("Pacific/Honolulu", (2026, 5, 6, 20)),
            (2026, 5, 6, 9),
            (2026, 5, 7, 9),
        ],
        3,
    ),
    "a real miss": (
        ["Europe/Paris", (2026, 2, 1, 9), (2026, 2, 2, 9), (2026, 2, 4, 9)],
        1,
    ),
}


def live_through(story, user, clock):
    """Record at each of the moments by the wall; return the last outcome."""
    zone, *steps = story
    first = next(step for step in steps if isinstance(step[0], int))
    clock.move_to(datetime(*first, tzinfo=ZoneInfo(zone)) - timedelta(days=30))
    set_time_zone(user, zone)
    for step in steps:
        new_zone, moment = step if isinstance(step[0], str) else (None, step)
        clock.move_to(datetime(*moment, tzinfo=ZoneInfo(zone)))
        if new_zone:
            set_time_zone(user, zone := new_zone)
        else:
            outcome = record_activity(user, "walk")
    return outcome


@pytest.mark.parametrize(("story", "days"), CASES.values(), ids=CASES)
def test_the_table_of_semantics(user, server_clock, story, days):
    outcome = live_through(story, user, server_clock)

    assert outcome.current_streak == days
    assert profile_of(user).current_streak == days


AT_HOME = {name: case for name, case in CASES.items() if "flight" not in name}


@pytest.mark.parametrize(("story", "days"), AT_HOME.values(), ids=AT_HOME)
def test_the_table_of_semantics_for_a_site_in_that_zone_backwards(
    user, server_clock, settings, story, days
):
    zone, *steps = story
    settings.TIME_ZONE = zone
    server_clock.move_to(datetime(2026, 12, 31, tzinfo=UTC))

    for moment in reversed(steps):
        instant = datetime(*moment, tzinfo=ZoneInfo(zone))
        record_activity(user, "walk", occurred_at=instant, historical=True)

    assert profile_of(user).current_streak == days
    # The site's zone is put back after the test; the user's stays.
    set_time_zone(user, zone)


def walk_on(user, *days, **options):
    for day in days:
        noon = datetime(2026, 6, day, 12, tzinfo=UTC)
        outcome = record_activity(
            user, "walk", occurred_at=noon, historical=True, **options
        )
    return outcome


@pytest.mark.parametrize("order", [(5, 6, 7, 8), (8, 7, 6, 5), (6, 8, 5, 7)], ids=str)
def test_the_order_of_records_does_not_matter(user, order):
    outcome = walk_on(user, *order)

    assert (outcome.current_streak, outcome.longest_streak) == (4, 4)
    assert profile_of(user).last_active_on == date(2026, 6, 8)


def test_repetition_does_not_matter(user):
    outcome = walk_on(user, 7, 8, 8, 7, 8)

    assert (outcome.current_streak, profile_of(user).active_days) == (2, 2)


def test_a_late_record_joins_two_runs(user):
    walk_on(user, 3, 4, 6, 7)

    outcome = walk_on(user, 5)

    assert (outcome.current_streak, outcome.longest_streak) == (5, 5)


def test_a_late_record_may_unlock_a_streak_of_long_ago(user):
    walk_on(user, 1, 2, 3, 5, 6, 7, 9)

    outcome = walk_on(user, 4)

    assert (outcome.current_streak, outcome.longest_streak) == (1, 7)
    assert held_by(user) == {"streak_7"}
    unlock = user.gamification_achievements.get()
    assert unlock.unlocked_at == datetime(2026, 6, 7, 12, tzinfo=UTC)


def test_days_of_another_zone_than_the_sites_count_where_the_user_chose_it_first(user):
    set_time_zone(user, "America/Los_Angeles")

    # 22:00 on 8 June and 10:00 on 9 June in Los Angeles.
    for hour in (5, 17):
        outcome = record_activity(
            user, "walk", occurred_at=datetime(2026, 6, 9, hour, tzinfo=UTC)
        )

    assert (outcome.current_streak, profile_of(user).active_days) == (2, 2)


def test_a_streak_ends_where_a_record_is_reversed(user):
    walk_on(user, 5, 6)
    middle = walk_on(user, 7)
    walk_on(user, 8, 9)

    outcome = reverse_entry(user, entry_id=middle.entry.id)

    assert (outcome.current_streak, outcome.longest_streak) == (2, 2)
    assert profile_of(user).active_days == 4


def test_a_day_goes_with_its_last_entry(user):
    walk_on(user, 8)
    first, second = walk_on(user, 9), walk_on(user, 9)

    one = reverse_entry(user, entry_id=first.entry.id)
    both = reverse_entry(user, entry_id=second.entry.id)

    assert (one.current_streak, both.current_streak) == (2, 1)
    assert profile_of(user).last_active_on == date(2026, 6, 8)


def test_a_day_that_went_may_come_again(user):
    first = walk_on(user, 9)
    reverse_entry(user, entry_id=first.entry.id)

    outcome = walk_on(user, 9)

    assert (outcome.current_streak, profile_of(user).active_days) == (1, 1)


def test_an_activity_that_extends_no_streak_neither_makes_nor_breaks_one(user):
    ActivityFactory(key="look", extends_streak=False)
    walk_on(user, 7)
    noon = datetime(2026, 6, 9, 12, tzinfo=UTC)
    record_activity(user, "look", occurred_at=noon)

    outcome = walk_on(user, 8)

    assert (outcome.current_streak, outcome.longest_streak) == (2, 2)


def test_an_activity_that_staff_switch_to_extend_the_streak_does_so_from_now(user):
    look = ActivityFactory(key="look", extends_streak=False)
    first = record_activity(user, "look")
    look.extends_streak = True
    look.save()

    second = record_activity(user, "look")

    assert (first.current_streak, second.current_streak) == (0, 1)
    reverse_entry(user, entry_id=first.entry.id)
    assert profile_of(user).current_streak == 1
