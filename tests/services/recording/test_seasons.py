"""Achievements that count what happens in a season."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gamification.models import Achievement, UserAchievement
from gamification.services import (
    award_achievement,
    count_secrets,
    explain_achievement,
    get_achievements,
    record_activity,
    reverse_entry,
    set_time_zone,
)
from gamification.staff import (
    backfill_everyone,
    get_achievement,
    preview_backfill,
    reach_problem,
)
from tests.factories import AchievementFactory
from tests.services.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

START, END = datetime(2026, 6, 5, tzinfo=UTC), datetime(2026, 6, 9, tzinfo=UTC)


@pytest.fixture
def spring(activity):
    """Three walks from the fifth of June to the ninth, in UTC."""
    return AchievementFactory(
        key="spring",
        name="Spring",
        criterion="activity_count",
        activity=activity,
        threshold=3,
        starts_at=START,
        ends_at=END,
        season_zone="UTC",
    )


def walk(user, at, quantity=1):
    return record_activity(
        user, "walk", quantity=quantity, occurred_at=at, historical=True
    )


def unlocked_at(user):
    rows = UserAchievement.objects.filter(user=user)
    return rows.values_list("unlocked_at", flat=True).first()


def test_what_happens_in_the_season_counts(user, spring):
    walk(user, START - timedelta(seconds=1), 5)
    walk(user, START)
    walk(user, END - timedelta(seconds=1))

    assert unlocked_at(user) is None
    walk(user, START + timedelta(days=1))
    assert unlocked_at(user) == END - timedelta(seconds=1)


def test_nothing_is_earned_after_the_season(user, spring):
    walk(user, START, 2)

    walk(user, END, 9)

    assert unlocked_at(user) is None


def test_a_late_record_of_the_season_counts(user, spring):
    walk(user, START, 2)
    walk(user, NOW)

    walk(user, END - timedelta(seconds=1))

    assert unlocked_at(user) == END - timedelta(seconds=1)


def test_each_users_own_clock_decides_without_a_zone(user, spring):
    Achievement.objects.update(season_zone="")
    set_time_zone(user, "Asia/Tokyo")

    # Midnight of the fifth in Tokyo is 15:00 of the fourth in UTC.
    walk(user, START - timedelta(hours=9, seconds=1), 9)
    walk(user, START - timedelta(hours=9), 3)

    assert unlocked_at(user) == START - timedelta(hours=9)


@pytest.mark.parametrize(
    ("now", "keys", "state"),
    [
        (START - timedelta(days=1), [], "upcoming"),
        (START, ["spring"], "open"),
        (END, [], "ended"),
    ],
)
def test_it_is_hidden_outside_its_season(user, spring, server_clock, now, keys, state):
    server_clock.move_to(now)

    shown = [row.achievement.key for row in get_achievements(user)]
    found = get_achievement(user, "spring")
    Achievement.objects.update(shown_outside_season=True)
    [row] = get_achievements(user)

    assert shown == keys
    assert (found is not None) is bool(keys)
    assert row.season == state


def test_one_on_users_own_clocks_is_hidden_by_them(user, spring, server_clock):
    Achievement.objects.update(season_zone="")
    set_time_zone(user, "Asia/Tokyo")
    server_clock.move_to(START - timedelta(hours=9))

    assert [row.season for row in get_achievements(user)] == ["open"]


def test_who_holds_it_sees_it_for_ever(user, spring):
    award_achievement(user, "spring")

    [row] = get_achievements(user)

    assert (row.season, row.is_open, row.fraction) == ("ended", True, 1.0)


def test_progress_is_what_was_reached(user, spring):
    Achievement.objects.update(shown_outside_season=True)
    walk(user, START, 2)
    walk(user, NOW, 7)

    [row] = get_achievements(user)

    assert (row.current, row.target, row.is_open) == (2, 3, False)


@pytest.mark.parametrize(("zone", "count"), [("UTC", 0), ("", 0)])
def test_secrets_of_other_seasons_are_not_to_be_found(user, spring, zone, count):
    Achievement.objects.update(is_secret=True, season_zone=zone)

    assert count_secrets(user) == count


def test_secrets_of_the_season_are_to_be_found(user, spring, server_clock):
    server_clock.move_to(START)
    Achievement.objects.update(is_secret=True)

    assert count_secrets(user) == 1


@pytest.mark.parametrize(
    ("now", "code", "words"),
    [
        (START - timedelta(days=1), "upcoming", "Its season has not begun."),
        (END, "ended", "Its season is over: only what is recorded late still counts."),
    ],
)
def test_an_explanation_names_the_season(user, spring, server_clock, now, code, words):
    server_clock.move_to(now)

    explanation = explain_achievement(user, "spring")

    assert explanation.blocked_by == (code,)
    assert explanation.text.endswith(words)


@pytest.mark.parametrize(
    ("criterion", "threshold", "current"),
    [("active_days", 2, 3), ("total_xp", 40, 60), ("longest_streak", 2, 2)],
)
def test_other_criteria_count_the_season_alone(
    user, spring, criterion, threshold, current
):
    Achievement.objects.update(
        criterion=criterion,
        activity=None,
        threshold=threshold,
        xp_reward=0,
        shown_outside_season=True,
    )
    for day in range(2, 11):
        if day != 6:
            walk(user, datetime(2026, 6, day, 9, tzinfo=UTC), 2)

    [row] = get_achievements(user)

    assert row.current == current
    expected = {"active_days": 7, "total_xp": 7, "longest_streak": 8}[criterion]
    assert unlocked_at(user) == datetime(2026, 6, expected, 9, tzinfo=UTC)


def test_a_backfill_counts_the_season_alone(user, spring):
    Achievement.objects.update(status="draft")
    walk(user, START - timedelta(days=1), 9)
    walk(user, START, 3)
    Achievement.objects.update(status="active")

    preview = preview_backfill("spring")
    backfill_everyone("spring")

    assert preview.users == 1
    assert unlocked_at(user) == START
    assert preview_backfill("spring").users == 0


def test_a_backfill_passes_those_who_missed_the_season(user, spring):
    Achievement.objects.update(status="draft")
    walk(user, NOW, 9)
    Achievement.objects.update(status="active")

    assert preview_backfill("spring").users == 0
    assert backfill_everyone("spring").awarded == 0


def test_a_season_that_is_over_is_a_problem(spring):
    assert reach_problem(spring) == "Its season is over, so nobody can reach it."


@pytest.mark.parametrize("status", ["active", "retired"])
def test_a_reversal_takes_back_what_a_season_had_earned(user, spring, status):
    Achievement.objects.update(revocable=True)
    entry = walk(user, START, 3).entry
    walk(user, NOW, 9)
    Achievement.objects.update(status=status)

    outcome = reverse_entry(user, entry_id=entry.id)

    assert [each.achievement for each in outcome.lost] == ["spring"]


def test_a_reversal_outside_a_season_takes_nothing_back(user, spring):
    Achievement.objects.update(revocable=True)
    walk(user, START, 3)
    entry = walk(user, NOW, 9).entry

    assert reverse_entry(user, entry_id=entry.id).lost == ()


def test_a_season_goes_with_conditions(user, activity, spring):
    level = {"criterion": "level", "threshold": 2}
    Achievement.objects.update(conditions=level)
    walk(user, START, 3)
    before = unlocked_at(user)

    walk(user, END - timedelta(seconds=1), 4)

    assert before is None
    assert unlocked_at(user) == END - timedelta(seconds=1)


def test_conditions_that_are_met_after_the_season_come_too_late(user, spring):
    level = {"criterion": "level", "threshold": 2}
    Achievement.objects.update(conditions=level)
    walk(user, START, 3)

    walk(user, NOW, 9)

    assert unlocked_at(user) is None


def test_a_late_record_from_before_the_season_may_raise_the_level_in_it(user, spring):
    Achievement.objects.update(criterion="level", activity=None, threshold=2)
    walk(user, START, 4)

    walk(user, START - timedelta(days=1))

    # 10 XP on the day before, and 50 XP with the four walks: the second level.
    assert unlocked_at(user) == START


@pytest.mark.parametrize(
    ("field", "year"), [("ends_at", 1), ("starts_at", 9999), ("ends_at", 9999)]
)
def test_a_season_at_an_end_of_the_calendar_stops_nobody(user, spring, field, year):
    times = {"starts_at": None, "ends_at": None, "shown_outside_season": True}
    Achievement.objects.update(
        **times | {field: datetime(year, 12 if year > 1 else 1, 31, tzinfo=UTC)}
    )

    assert walk(user, START).entry.amount == 10
    assert [each.achievement.key for each in get_achievements(user)] == ["spring"]
