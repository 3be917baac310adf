"""Achievements to earn again, or in a season, with conditions and ways of counting."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gamification.models import UserAchievement
from gamification.services import (
    explain_achievement,
    get_achievements,
    record_activity,
    revoke_achievement,
)
from gamification.staff import backfill_achievement
from tests.conditions.worlds import build_filters
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

FANTASY = {"where": [["genre", "is", "fantasy"]]}
JUNE = {"starts_at": datetime(2026, 6, 1, tzinfo=UTC), "season_zone": "UTC"}


@pytest.fixture
def user() -> Any:
    ActivityFactory(key="read", attributes={"genre": "string"})
    ActivityFactory(key="run", attributes={"km": "integer"})
    return UserFactory()


def make(activity: str, threshold: int, **fields: Any) -> Any:
    defaults = {"key": "special", "criterion": "activity_count"}
    pk = ActivityFactory._meta.model.objects.get(key=activity).pk
    row = AchievementFactory(
        **{**defaults, "activity_id": pk, "threshold": threshold, **fields}
    )
    build_filters()
    return row


def act(user: Any, activity: str, day: int, **said: Any) -> None:
    at = datetime(2026, 6, day, 12, tzinfo=UTC)
    record_activity(
        user, activity, occurred_at=at, attributes=said or None, historical=True
    )


def held(user: Any) -> list[tuple[int, int]]:
    """Return the number and the day of June of each time, in order."""
    rows = UserAchievement.objects.filter(user=user, revoked_at=None)
    rows = rows.filter(achievement__key="special").order_by("number")
    return [(row.number, row.unlocked_at.day) for row in rows]


def test_every_hundred_kilometres_earn_it_again(user):
    make("run", 100, counting={"sum": "km"}, repeat_every=100, max_times=None)

    for day, km in ((1, 60), (2, 50), (3, 250)):
        act(user, "run", day, km=km)

    assert held(user) == [(1, 2), (2, 3), (3, 3)]
    assert explain_achievement(user, "special").target == 400


def test_fantasy_in_a_week_earns_it_once_a_week(user):
    make("read", 2, counting=FANTASY, repeat_period="week", max_times=None)

    for day in (1, 2, 3, 8, 9, 15):
        act(user, "read", day, genre="fantasy")
        act(user, "read", day, genre="horror")

    assert held(user) == [(1, 2), (2, 9)]


def test_a_season_asks_for_another_achievement_besides(user):
    AchievementFactory(key="newcomer", criterion="active_days", threshold=3)
    make("read", 2, counting=FANTASY, conditions={"holds": "newcomer"}, **JUNE)

    for day in (1, 2, 3):
        act(user, "read", day, genre="fantasy")

    assert held(user) == [(1, 3)]


def test_any_number_of_a_repeated_achievement_is_held(user):
    make("run", 1, repeat_every=1, max_times=None)
    AchievementFactory(
        key="next",
        criterion="active_days",
        threshold=3,
        conditions={"holds": "special"},
    )
    act(user, "run", 1)
    act(user, "run", 2)

    revoke_achievement(user, "special", number=1)
    act(user, "run", 3)

    assert held(user) == [(2, 2), (3, 3)]
    found = {each.achievement.key: each.times for each in get_achievements(user)}
    assert found == {"special": 2, "next": 1}


def test_a_backfill_dates_each_number_to_its_own_moment(user):
    row = make(
        "run",
        100,
        counting={"sum": "km"},
        conditions={"criterion": "active_days", "threshold": 2},
        repeat_every=100,
        max_times=None,
        status="draft",
    )
    for day, km in ((1, 150), (2, 10), (3, 60)):
        act(user, "run", day, km=km)
    row.status = "active"
    row.save()

    backfill_achievement("special")

    assert held(user) == [(1, 2), (2, 3)]


def test_rewards_that_earn_each_other_have_an_end(user, monkeypatch):
    monkeypatch.setattr("gamification.domain.settling.MAX_UNLOCKS", 20)
    again = {"threshold": 10, "repeat_every": 10, "max_times": None, "xp_reward": 10}
    AchievementFactory(key="special", criterion="total_xp", **again)
    ActivityFactory(key="walk", xp_reward=10)

    outcomes = [record_activity(user, "walk") for _ in range(2)]

    assert [len(outcome.unlocks) for outcome in outcomes] == [20, 20]
