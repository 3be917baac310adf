"""Whom reconcile derives again, and how others write while a user is rebuilt."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from gamification.maintenance import rebuild, rebuilding, reconcile
from gamification.maintenance.suspects import find_suspects
from gamification.models import (
    ActiveDay,
    ActivityTally,
    StreakDefinition,
    StreakFreeze,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    award_achievement,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.staff import grant_freezes, pause_streak, repair_streak
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import profile_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

on_postgresql = pytest.mark.skipif(
    not IS_POSTGRESQL, reason="Elsewhere, every user is derived again."
)

NEW_YEAR = datetime(2026, 1, 1, 12, tzinfo=UTC)


def suspects(*users):
    """Return who of the users, in order, and of those between them, may differ."""
    return [pk for part in find_suspects(users[0].pk, users[-1].pk) for pk in part]


def walk(user, *numbers):
    """Let the user walk on some days of January."""
    for number in numbers:
        at = NEW_YEAR + timedelta(number)
        record_activity(user, "walk", occurred_at=at, historical=True)


@pytest.fixture
def walker(user):
    walk(user, 0, 1, 2, 5)
    reverse_entry(user, entry_id=user.gamification_entries.earliest("id").pk)
    return user


@pytest.fixture
def moved(user):
    """A user for whom January 7 did not exist, because of a move."""
    walk(user, 1, 2, 5)
    zones = [[0, "Etc/GMT+11"], [(NEW_YEAR + timedelta(6)).timestamp(), "Etc/GMT-14"]]
    UserGamification.objects.update(zone_history=zones)
    walk(user, 6)
    assert profile_of(user).current_streak == 2
    return user


@pytest.mark.skipif(IS_POSTGRESQL, reason="There, most are known to be right.")
def test_elsewhere_everybody_may_differ(walker):
    assert suspects(walker) == [walker.pk]


@on_postgresql
def test_whoever_is_right_is_not_derived_again(walker):
    newcomer = UserFactory()

    assert suspects(walker, newcomer) == []


@pytest.fixture
def fallen(user):
    """A user who gained 50 XP, which is level 2, but never had more than 40."""
    walk(user, 0, 1, 2, 3)
    reverse_entry(user, entry_id=user.gamification_entries.earliest("id").pk)
    walk(user, 4)
    return user


@on_postgresql
def test_a_peak_is_what_a_user_had_not_all_that_they_gained(fallen):
    assert suspects(fallen) == []


def test_a_highest_level_below_the_peak_is_found(fallen):
    walk(fallen, 5)
    reverse_entry(fallen, entry_id=fallen.gamification_entries.latest("id").pk)
    assert profile_of(fallen).highest_level == 2
    UserGamification.objects.update(highest_level=1)

    assert [each.what for each in reconcile(fix=True)] == ["highest_level"]


@on_postgresql
def test_achievements_that_were_lost_or_earned_again_are_no_reason(user):
    medal = AchievementFactory(xp_reward=10).key
    award_achievement(user, medal)
    revoke_achievement(user, medal)
    assert suspects(user) == []

    award_achievement(user, medal)

    assert suspects(user) == []


@on_postgresql
def test_neutral_dates_are_no_reason_to_derive_a_user_again(moved):
    assert suspects(moved) == []


@on_postgresql
@override_settings(GAMIFICATION={"DEFAULT_TIME_ZONE": "Pacific/Apia"})
def test_where_the_site_has_neutral_dates_everybody_is_compared_by_dates(walker):
    assert suspects(walker) == []


@on_postgresql
def test_streaks_that_forgive_are_compared_by_dates(walker, staff):
    StreakDefinition.objects.create(key="weekly", name="Weekly", unit="week", goal=2)
    grant_freezes(walker, 1, actor=staff)

    assert suspects(walker) == []


def repair_later(user):
    list(reconcile(fix=True))
    assert list(reconcile(user)) == []


def test_a_streak_across_a_neutral_date_is_compared(moved):
    UserGamification.objects.update(current_streak=1)

    drift = [each.what for each in reconcile()]

    assert drift == ["current_streak"]
    repair_later(moved)


def test_a_freeze_that_is_missing_is_named(user):
    StreakDefinition.objects.filter(key="daily").update(initial_freezes=1)
    walk(user, 0, 2)
    StreakFreeze.objects.filter(kind="used")._raw_delete("default")

    drift = [each.what for each in reconcile()]

    assert drift == ["freeze used 2026-01-02"]
    repair_later(user)


EXCEPTIONS = {
    "a repaired date": lambda user: repair_streak(
        user, [date(2026, 1, 4), date(2026, 1, 5)], actor=None, note="Power cut."
    ),
    "a pause": lambda user: pause_streak(
        user, date(2026, 1, 4), date(2026, 1, 5), actor=None
    ),
    "a freeze": lambda user: grant_freezes(user, 2, actor=None),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_a_row_that_hides_an_exception_is_named_and_put_right(walker, name):
    StreakDefinition.objects.filter(key="daily").update(freeze_cap=2)
    with time_machine.travel(NEW_YEAR + timedelta(6), tick=False):
        EXCEPTIONS[name](walker)
    streak = profile_of(walker).current_streak
    UserGamification.objects.update(has_exceptions=False)

    [drift] = reconcile(fix=True)

    assert (drift.what, drift.derived) == ("has_exceptions", True)
    row = profile_of(walker)
    assert (row.has_exceptions, row.current_streak) == (True, streak)


def test_a_row_may_tell_of_an_exception_that_is_gone(walker):
    UserGamification.objects.update(has_exceptions=True)

    assert [*reconcile(fix=True)] == []
    assert profile_of(walker).has_exceptions


@pytest.fixture
def busy(walker, monkeypatch):
    """Let the walker write while somebody replays their ledger, some times."""
    plan, times = rebuilding.plan_rebuilding, []

    def planned(user_id):
        planned.calls += 1
        found = plan(user_id)
        if times:
            times.pop()
            walk(walker, 5)
        return found

    planned.calls = 0
    planned.times = times
    monkeypatch.setattr(rebuilding, "plan_rebuilding", planned)
    return planned


@pytest.mark.parametrize(("writes", "plans"), [(0, 1), (1, 2), (9, 10), (10, 11)])
def test_a_rebuild_starts_again_if_somebody_wrote(walker, busy, writes, plans):
    ActivityTally.objects.update(count=0)
    busy.times[:] = [1] * writes

    rebuild(walker)

    assert busy.calls == plans
    assert ActivityTally.objects.get().count == 3 + writes
    assert ActiveDay.objects.get(date="2026-01-06").activities == 1 + writes


def test_a_rebuild_writes_only_what_differs(walker):
    ActiveDay.objects.filter(date="2026-01-03").update(activities=7)
    ActiveDay.objects.create(user=walker, date="2026-02-01", activities=1)

    with CaptureQueriesContext(connection) as queries:
        rebuild(walker)

    writes = [
        each["sql"]
        for each in queries
        if each["sql"].startswith(("INSERT", "DELETE")) and "activeday" in each["sql"]
    ]
    assert len(writes) == 2
    assert "2026-02-01" in writes[0]
    assert "2026-01-03" in writes[1]
    assert "2026-01-02" not in writes[1]


@pytest.fixture
def between(walker, monkeypatch):
    """Write a row of each kind at a time; let the walker write after the first."""
    monkeypatch.setattr(rebuilding, "ROWS_AT_ONCE", 1)
    writes = [5]
    monkeypatch.setattr(
        rebuilding.time, "sleep", lambda _: walk(walker, *writes and [writes.pop()])
    )
    ActiveDay.objects.update(xp=7)


def test_others_can_write_between_the_steps_of_a_rebuild(walker, busy, between):
    rebuild(walker)

    assert busy.calls == 2
    assert list(reconcile()) == []
    assert ActiveDay.objects.get(date="2026-01-06").activities == 2


def test_what_was_mended_before_others_wrote_is_reported(between):
    drift = [each.what for each in reconcile(fix=True)]

    assert drift == [f"day 2026-01-{day}" for day in ("02", "03", "06")]
    assert list(reconcile()) == []


def test_a_rebuild_writes_few_unlocks_at_a_time(walker, monkeypatch):
    monkeypatch.setattr(rebuilding, "UNLOCKS_AT_ONCE", 1)
    for key in ("medal", "cup"):
        award_achievement(walker, AchievementFactory(key=key).key, celebrate=False)
    version = profile_of(walker).version
    UserAchievement.objects.all().delete()

    rebuild(walker)

    assert profile_of(walker).version == version + 2
    assert list(reconcile()) == []
