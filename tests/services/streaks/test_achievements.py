"""Achievements that measure streaks, and the repair of what was derived from them."""

from __future__ import annotations

import pytest
import time_machine
from django.db import connection

from gamification.exceptions import InvalidDefinitionError
from gamification.maintenance import rebuild, reconcile
from gamification.models import StreakFreeze, UserGamification
from gamification.services import (
    explain_achievement,
    get_achievements,
    record_activity,
    set_time_zone,
)
from gamification.staff import (
    backfill_everyone,
    create_achievement,
    create_streak,
    edit_achievement,
    get_facts,
    grant_freezes,
    preview_backfill,
    preview_repairs,
    preview_streak,
)
from tests.factories import AchievementFactory, ActivityFactory
from tests.services.streaks.conftest import noon, november

pytestmark = pytest.mark.django_db

MEDAL = {
    "key": "weeks",
    "name": "Weeks",
    "category": "streaks",
    "xp_reward": 30,
    "criterion": "longest_streak",
    "threshold": 2,
}


@pytest.fixture
def weekly(db):
    return create_streak(actor=None, key="weekly", name="Weekly", unit="week")


def test_an_achievement_names_its_streak_by_key(weekly):
    medal = create_achievement(actor=None, streak="weekly", **MEDAL)

    assert medal.streak == weekly
    edit_achievement("weeks", actor=None, expected=None, streak="daily")
    medal.refresh_from_db()
    assert medal.streak is None


def test_the_streak_of_an_achievement_must_be_known():
    with pytest.raises(InvalidDefinitionError, match="No streak has the key 'weakly'"):
        create_achievement(actor=None, streak="weakly", **MEDAL)


def test_only_achievements_of_streaks_name_one(weekly):
    with pytest.raises(InvalidDefinitionError, match="only if the criterion"):
        create_achievement(
            actor=None, streak="weekly", **{**MEDAL, "criterion": "level"}
        )


def test_a_backfill_awards_it_by_the_runs_of_its_streak(user, staff, weekly, act, on):
    act(2, 9)
    act(3, 4, 5, who=staff)

    with on(10):
        create_achievement(actor=None, streak="weekly", **MEDAL)
        preview = preview_backfill("weeks")
        done = backfill_everyone("weeks")

    assert (preview.users, preview.xp) == (1, 30)
    assert (done.awarded, done.xp) == (1, 30)
    unlock = user.gamification_achievements.get()
    assert unlock.unlocked_at == noon(9)


def test_chosen_activities_need_not_extend_the_daily_streak(user, act, on):
    ActivityFactory(key="log", extends_streak=False)
    rules = {"unit": "week", "activities": ["log"]}
    create_streak(actor=None, key="logs", name="Logs", **rules)
    act(2, 16, activity="log")

    with on(16):
        create_achievement(actor=None, streak="logs", **{**MEDAL, "threshold": 1})
        assert preview_backfill("weeks").users == 1
        assert backfill_everyone("weeks").awarded == 1
        assert preview_streak("logs", goal=2).shorter.value == 1
        assert preview_repairs([november(12)], streak="logs").users == 1


def test_progress_is_that_of_its_streak(user, weekly, act, on):
    create_achievement(actor=None, streak="weekly", **{**MEDAL, "threshold": 3})
    act(2, 9)

    with on(9):
        [progress] = get_achievements(user)

        assert (progress.current, progress.target) == (2, 3)
        assert get_facts(user).streaks == {weekly.pk: 2}
        text = explain_achievement(user, "weeks").text
    assert (
        "requires streak of 3 weeks in “Weekly”. The user is at streak of 2 weeks."
        in text
    )


def test_users_without_a_row_have_no_runs(user, weekly):
    create_achievement(actor=None, streak="weekly", **MEDAL)

    assert get_achievements(user)[0].current == 0


def test_a_freeze_that_the_ledger_lacks_is_found_and_put_back(user, act, on):
    with on(1):
        grant_freezes(user, 1)
    act(1, 3)
    StreakFreeze.objects.filter(kind="used")._raw_delete(connection.alias)
    UserGamification.objects.update(current_streak=1)

    drift = [(each.what, each.stored, each.derived) for each in reconcile(user)]
    rebuild(user)

    assert drift == [("current_streak", 1, 2), ("freeze used 2026-11-02", None, -1)]
    assert [*reconcile(user)] == []


def test_a_change_of_zone_uses_freezes_and_gives_them_back(user, act, on):
    with on(1):
        grant_freezes(user, 1)
    act(1, 3)

    with on(3):
        change = set_time_zone(user, "Europe/Paris")

    assert change.streak.current == 2
    assert StreakFreeze.objects.get(kind="used").date == november(2)


def test_the_longest_run_of_a_forgiving_streak_dates_an_unlock(user, act, on, daily):
    daily(weekdays=[1, 2, 3, 4, 5])
    act(5, 6, 9)

    with on(9):
        AchievementFactory(key="three", criterion="longest_streak", threshold=3)
        backfill_everyone("three")

    assert user.gamification_achievements.get().unlocked_at == noon(9)


def test_a_neutral_date_extends_no_streak_of_chosen_activities(user, activity):
    walks = create_streak(actor=None, key="walks", name="Walks", activities=["walk"])
    AchievementFactory(
        key="three", criterion="longest_streak", threshold=3, streak=walks
    )
    set_time_zone(user, "Pacific/Honolulu")
    unlocked = []

    for moment in ("03T22:00", "04T22:00", "05T10:30", "05T22:30"):
        with time_machine.travel(f"2026-05-{moment}:00Z", tick=False):
            if moment == "05T10:30":
                # The flight leaves some hours of the 5th.
                set_time_zone(user, "Pacific/Auckland")
            unlocked.append(len(record_activity(user, "walk").unlocks))

    assert unlocked == [0, 0, 0, 1]
