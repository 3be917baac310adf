"""Whom a backfill looks at, and what it finds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gamification.models import Achievement, StreakDefinition, UserAchievement
from gamification.services import record_activity
from gamification.services.catalogue.backfill.preview import (
    meeting_of,
    qualifying_users,
)
from gamification.services.catalogue.filters.upkeep import tend_filters
from gamification.staff import (
    backfill_achievement,
    get_reach,
    preview_backfill,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.services.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

READ = {"criterion": "activity_count", "activity": "read", "threshold": 2}
READS = {"criterion": "activity_count", "threshold": 2}
FANTASY = READ | {"where": [["genre", "is", "fantasy"]]}
NEVER = READ | {"threshold": 99}
JUNE = {"since": "2020-06-01"}


@pytest.fixture(autouse=True)
def read() -> Any:
    return ActivityFactory(
        key="read", attributes={"genre": "string", "pages": "integer"}
    )


@pytest.fixture(autouse=True)
def users(read: Any) -> list[Any]:
    """Users who have read one, two and three books, all of them fantasy."""
    users = UserFactory.create_batch(3)
    for number, user in enumerate(users):
        for book in range(number + 1):
            said = {"genre": "fantasy", "pages": 100 * (book + 1)}
            record_activity(user, "read", attributes=said)
    return users


def make(conditions: Any = None, **fields: Any) -> Achievement:
    defaults = {"key": "fan", "criterion": "active_days", "threshold": 1}
    row = AchievementFactory(**{**defaults, "conditions": conditions, **fields})
    tend_filters()
    return row


#: Conditions, how many of the users meet them, how many are looked at, and whether
#: that is for sure.
CASES = [
    (READ, 2, 2, True),
    (FANTASY, 2, 2, True),
    (NEVER, 0, 0, True),
    ({"all": [READ, {"criterion": "total_xp", "threshold": 30}]}, 1, 1, True),
    ({"any": [NEVER, FANTASY]}, 2, 2, True),
    ({"at_least": 2, "of": [NEVER, FANTASY, READ]}, 2, 2, True),
    (READ | {"distinct": "genre"}, 0, 0, True),
    (READ | {"distinct": "pages"}, 2, 2, True),
    (READ | {"sum": "pages", "threshold": 500}, 1, 1, True),
    (READ | {"window": {"days": 1}}, 2, 3, False),
    ({"criterion": "longest_streak", "threshold": 1, "window": JUNE}, 3, 3, False),
    ({"criterion": "level", "threshold": 1}, 3, 3, True),
    ({"criterion": "achievements", "threshold": 1}, 0, 0, True),
    ({"holds": "gone"}, 0, 0, True),
    ({"lacks": "gone"}, 0, 0, True),
    (READ | {"activity": "gone"}, 0, 0, True),
    ({"criterion": "longest_streak", "threshold": 1, "streak": "gone"}, 0, 0, True),
    ({"any": [{"lacks": "other"}, NEVER]}, 3, 3, False),
    ({"holds": "other"}, 0, 0, True),
]


@pytest.mark.parametrize(("conditions", "meet", "looked_at", "is_exact"), CASES)
def test_a_backfill_finds_who_meets_the_conditions(
    conditions, meet, looked_at, is_exact
):
    AchievementFactory(key="other", criterion="manual")
    row = make(conditions)

    assert qualifying_users(row).count() == looked_at
    assert meeting_of(row).is_exact is is_exact
    assert preview_backfill("fan").users == meet
    assert len(preview_backfill("fan").sample) == meet
    assert get_reach(["fan"])[0].users == meet
    assert backfill_achievement("fan").awarded == meet


@pytest.mark.parametrize(
    ("conditions", "meet"),
    [
        (FANTASY, 2),
        (READ | {"sum": "pages", "threshold": 500}, 1),
        (READ | {"distinct": "pages", "threshold": 3}, 1),
        ({"criterion": "total_xp", "threshold": 20, "window": JUNE}, 2),
    ],
)
def test_the_ledger_answers_where_there_are_no_tallies(conditions, meet):
    AchievementFactory(
        key="fan", criterion="active_days", threshold=1, conditions=conditions
    )

    assert preview_backfill("fan").users == meet
    assert backfill_achievement("fan").awarded == meet


def test_what_staff_award_is_not_met(users):
    row = make(READ, criterion="manual")

    assert not qualifying_users(row).exists()


def test_a_draft_is_previewed_with_its_conditions():
    row = make(FANTASY, status="draft")

    assert preview_backfill(row).users == 2


def test_a_preview_knows_what_else_unlocks(users):
    make({"lacks": "fan"}, key="loner", xp_reward=5)
    row = make(FANTASY, key="fan", xp_reward=50)

    preview, done = preview_backfill(row), backfill_achievement("fan")

    assert (preview.users, preview.xp) == (done.awarded, done.xp) == (2, 110)
    assert [each.key for each in preview.also] == ["loner"]


def test_another_streak_is_looked_at_user_by_user(users, read):
    StreakDefinition.objects.create(key="gym", name="Gym", activities=["read"])
    row = make({"criterion": "longest_streak", "threshold": 1, "streak": "gym"})

    assert not meeting_of(row).is_exact
    assert preview_backfill(row).users == 3


def test_a_season_is_looked_at_user_by_user(users, read):
    row = make(FANTASY, activity=read, **READS, starts_at=NOW - timedelta(days=1))

    assert not meeting_of(row).is_exact
    # Two of three users have read two books or more.
    assert qualifying_users(row).count() == 2
    assert preview_backfill(row).users == 2


def test_whoever_has_earned_it_as_often_as_possible_is_not_looked_at(users, read):
    row = make(activity=read, **READS, max_times=2, repeat_every=2)
    for user in users[1:]:
        record_activity(user, "read", quantity=9)

    assert [UserAchievement.objects.filter(user=each).count() for each in users] == [
        *(0, 2, 2)
    ]
    assert qualifying_users(row).count() == 0
