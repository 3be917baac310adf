from __future__ import annotations

from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from gamification.models import Achievement, LedgerEntry, UserAchievement
from gamification.services import (
    ActivityRecord,
    record_activities,
    record_activity,
    revoke_achievement,
)
from gamification.services.catalogue.backfill import awarding
from gamification.staff import (
    backfill_achievement,
    backfill_everyone,
)
from tests.factories import AchievementFactory, UserFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    at_once,
    before_next_lock,
    before_statement,
    total_of,
)

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]


@pytest.fixture
def users(db, monkeypatch):
    """Thirty users who walked twice, of whom five are locked at a time."""
    monkeypatch.setattr(awarding, "USERS_AT_ONCE", 5)
    get_user_model().objects.bulk_create(UserFactory.build_batch(30))
    users = [*get_user_model().objects.order_by("pk")]
    record_activities(ActivityRecord(user, "walk", quantity=2) for user in users)
    return users


@pytest.fixture
def medal(users, activity):
    """Something that all of them have earned; the last one walked once more."""
    record_activity(users[-1], "walk")
    return AchievementFactory(
        key="medal", criterion="activity_count", activity=activity, threshold=2
    )


def rewards():
    return LedgerEntry.objects.filter(kind="achievement")


def in_the_middle(work):
    """Do ``work`` elsewhere when the first users are about to be locked."""
    return before_statement(1, work, if_=lambda: connection.in_atomic_block)


def test_awards_by_many_give_it_once_to_each(users, medal):
    awards = at_once([partial(backfill_everyone, "medal")] * 4)

    assert sum(award.awarded for award in awards) == 30
    assert sum(award.xp for award in awards) == 30 * 50
    assert rewards().values("user").distinct().count() == rewards().count() == 30
    assert {total_of(user) for user in users[:-1]} == {70}


def test_awards_of_different_achievements_at_once_add_up(users, medal):
    AchievementFactory(key="other", criterion="active_days", xp_reward=5)
    AchievementFactory(key="third", criterion="total_xp", threshold=70, xp_reward=7)

    at_once([partial(backfill_everyone, key) for key in ("medal", "other", "third")])

    assert rewards().count() == 90
    assert {total_of(user) for user in users[:-1]} == {20 + 50 + 5 + 7}


def test_an_award_and_records_that_unlock_the_same_give_it_once(users, medal):
    records = [partial(record_activity, user, "walk") for user in users[::3]]

    at_once([partial(backfill_everyone, "medal"), *records])

    assert rewards().count() == UserAchievement.objects.count() == 30
    assert {total_of(user) for user in users[::3]} == {80}


@ONLY_POSTGRESQL
def test_awards_meet_at_every_isolation_level(users, medal, isolation_level):
    batch = [ActivityRecord(user, "walk") for user in reversed(users)]

    awards = at_once(
        [partial(backfill_everyone, "medal")] * 3
        + [partial(record_activities, batch)] * 3
    )

    assert sum(award.awarded for award in awards[:3]) <= 30
    assert rewards().count() == 30
    assert {total_of(user) for user in users[:-1]} == {20 + 50 + 3 * 10}


@ONLY_POSTGRESQL
def test_a_criterion_that_is_edited_in_the_middle_counts_from_there(users, medal):
    edit = partial(Achievement.objects.update, threshold=3, xp_reward=9)

    with in_the_middle(edit):
        award = backfill_everyone("medal")

    assert (award.awarded, award.xp) == (1, 9)


@ONLY_POSTGRESQL
def test_an_achievement_retired_in_the_middle_is_given_to_nobody_else(users, medal):
    backfill_achievement("medal", limit=10)

    with in_the_middle(lambda: Achievement.objects.update(status="retired")):
        award = backfill_achievement("medal")

    assert (award.awarded, rewards().count()) == (0, 10)


@ONLY_POSTGRESQL
def test_a_user_who_got_it_in_the_middle_is_skipped(users, medal):
    with in_the_middle(lambda: record_activity(users[0], "walk")):
        award = backfill_everyone("medal")

    assert award.awarded == 29
    assert total_of(users[0]) == 80


@ONLY_POSTGRESQL
def test_a_user_who_comes_alone_and_got_it_in_the_middle_is_skipped(users, medal):
    with before_next_lock(lambda: record_activity(users[0], "walk")):
        award = backfill_achievement("medal", limit=1)

    assert (award.awarded, award.after) == (0, users[0].pk)
    assert total_of(users[0]) == 80


@ONLY_POSTGRESQL
def test_a_user_who_lost_it_in_the_middle_is_skipped(users, medal):
    def lose():
        record_activity(users[0], "walk")
        revoke_achievement(users[0], "medal")

    with in_the_middle(lose):
        award = backfill_everyone("medal")

    assert award.awarded == 29
    assert UserAchievement.objects.get(user=users[0]).revoked_at


@ONLY_POSTGRESQL
def test_a_user_who_is_deleted_in_the_middle_is_skipped(users, medal):
    with in_the_middle(lambda: users[0].delete()):
        award = backfill_everyone("medal")

    assert award.awarded == 29
