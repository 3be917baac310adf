from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from gamification.exceptions import UnknownUserError
from gamification.models import Achievement, StreakDefinition
from gamification.services import (
    adjust_xp,
    award_achievement,
    get_achievements,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.services.players.achievements import (
    count_secrets,
    get_achievement,
    get_all_achievements,
    held_achievements,
)
from gamification.services.players.goals import goals_of
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def seen_by(user):
    return [row.achievement.key for row in get_achievements(user)]


def test_achievements_are_seen_in_the_order_of_the_catalogue(user, no_achievements):
    AchievementFactory(key="b", position=1)
    AchievementFactory(key="c", position=0)
    AchievementFactory(key="a", position=1)

    assert seen_by(user) == ["c", "a", "b"]


def test_drafts_are_seen_by_nobody(user, no_achievements):
    AchievementFactory(key="held")
    AchievementFactory(key="other", status="draft")
    award_achievement(user, "held")
    Achievement.objects.filter(key="held").update(status="draft")

    assert seen_by(user) == []


def test_retired_achievements_are_seen_by_holders(user, staff, no_achievements):
    AchievementFactory(key="founder")
    award_achievement(user, "founder")
    Achievement.objects.update(status="retired")

    assert (seen_by(user), seen_by(staff)) == (["founder"], [])


def test_secrets_are_seen_by_holders(user, staff, no_achievements):
    AchievementFactory(key="secret", is_secret=True)
    award_achievement(user, "secret")

    assert (seen_by(user), seen_by(staff)) == (["secret"], [])


def test_a_secret_that_was_revoked_is_a_secret_again(user, no_achievements):
    AchievementFactory(key="secret", is_secret=True)
    award_achievement(user, "secret")
    revoke_achievement(user, "secret")

    assert seen_by(user) == []


def test_progress_is_a_share_of_the_threshold(user, activity, no_achievements):
    AchievementFactory(criterion="activity_count", activity=activity, threshold=4)
    record_activity(user, "walk", quantity=3)

    [row] = get_achievements(user)

    assert (row.current, row.target, row.fraction) == (3, 4, 0.75)
    assert row.unlocked_at is None


def test_progress_ends_at_the_threshold(user, activity, no_achievements):
    AchievementFactory(criterion="activity_count", activity=activity, threshold=2)
    record_activity(user, "walk", quantity=9)

    [row] = get_achievements(user)

    assert (row.current, row.target, row.fraction) == (9, 2, 1.0)


def test_progress_of_a_debt_begins_at_0(user, activity, no_achievements):
    AchievementFactory(criterion="total_xp", threshold=100)
    outcome = record_activity(user, "walk")
    adjust_xp(user, amount=-10, note="A fine.")
    reverse_entry(user, entry_id=outcome.entry.id)

    [row] = get_achievements(user)

    assert (row.current, row.fraction) == (-10, 0.0)


def test_progress_is_that_of_the_user(user, staff, activity, no_achievements):
    AchievementFactory(criterion="activity_count", activity=activity, threshold=1)
    record_activity(staff, "walk", quantity=3)

    [row] = get_achievements(user)

    assert (row.current, row.unlocked_at) == (0, None)


@pytest.mark.parametrize(
    ("criterion", "current"),
    [
        ("active_days", 1),
        ("longest_streak", 1),
        ("level", 2),
        ("total_xp", 60),
        ("achievements", 1),
        ("manual", 0),
    ],
)
def test_every_criterion_has_progress(
    user, activity, no_achievements, criterion, current
):
    AchievementFactory(key="medal")
    award_achievement(user, "medal")
    record_activity(user, "walk")
    AchievementFactory(key="other", criterion=criterion, threshold=1_000)

    [other] = [row for row in get_achievements(user) if not row.unlocked_at]

    assert other.current == current


@time_machine.travel(NOON, tick=False)
def test_an_achievement_awarded_by_hand_is_complete(user, no_achievements):
    AchievementFactory(key="kind")
    award_achievement(user, "kind")

    [row] = get_achievements(user)

    assert (row.fraction, row.unlocked_at) == (1.0, NOON)


def test_achievements_take_two_queries(user, django_assert_num_queries):
    AchievementFactory.create_batch(20)

    with django_assert_num_queries(2):
        rows = get_achievements(user)

    assert len(rows) == 31


def test_staff_read_what_nobody_sees(user, no_achievements):
    AchievementFactory(key="secret", is_secret=True, position=1)
    AchievementFactory(key="draft", status="draft", position=2)
    AchievementFactory(key="old", status="retired", position=3)

    rows = get_all_achievements(user)

    assert [row.achievement.key for row in rows] == ["secret", "draft", "old"]
    assert seen_by(user) == []


def test_one_is_read_as_among_all(user, activity, no_achievements):
    AchievementFactory(key="walker", criterion="activity_count", activity=activity)
    AchievementFactory(key="other")
    record_activity(user, "walk")

    assert get_achievement(user, "walker") in get_achievements(user)


def test_one_that_the_user_may_not_see_is_not_read(user, no_achievements):
    AchievementFactory(key="secret", is_secret=True)

    assert get_achievement(user, "secret") is None
    assert get_achievement(user, "nothing") is None


def test_staff_read_what_they_ask_for(user, no_achievements):
    AchievementFactory(key="draft", status="draft")
    AchievementFactory(key="other")

    [draft] = get_all_achievements(user, status="draft")

    assert draft.achievement.key == "draft"


def test_a_key_that_no_user_can_have_sees_nothing(db):
    with pytest.raises(UnknownUserError):
        get_achievements("\0")


def test_secrets_are_counted_until_they_are_held(user, staff, no_achievements):
    AchievementFactory(key="secret", is_secret=True)
    AchievementFactory(is_secret=True, status="draft")
    AchievementFactory(is_secret=True, status="retired")
    AchievementFactory()
    award_achievement(user, "secret")

    assert (count_secrets(user), count_secrets(staff)) == (0, 1)


def test_a_secret_that_was_revoked_is_counted_again(user, no_achievements):
    AchievementFactory(key="secret", is_secret=True)
    award_achievement(user, "secret")
    revoke_achievement(user, "secret")

    assert count_secrets(user) == 1


def test_held_achievements_come_the_latest_first(user, staff, no_achievements):
    for key in ("first", "second", "lost", "draft"):
        AchievementFactory(key=key)
        award_achievement(user, key)
    revoke_achievement(user, "lost")
    Achievement.objects.filter(key="draft").update(status="draft")
    award_achievement(staff, "first")

    held = [unlock.achievement.key for unlock in held_achievements(user, viewer=user)]

    assert held == ["second", "first"]


def test_secrets_are_counted_in_one_query(user, django_assert_num_queries):
    AchievementFactory.create_batch(20, is_secret=True)

    with django_assert_num_queries(1):
        assert count_secrets(user) == 20


def test_a_season_measures_its_part_of_another_streak(user, no_achievements):
    ActivityFactory(key="lift")
    StreakDefinition.objects.create(key="gym", name="Gym", activities=["lift"])
    AchievementFactory(
        criterion="longest_streak",
        streak=StreakDefinition.objects.get(key="gym"),
        threshold=5,
        starts_at=datetime(2026, 3, 2, tzinfo=UTC),
    )
    for day in (1, 2, 3):
        with time_machine.travel(datetime(2026, 3, day, 12, tzinfo=UTC)):
            record_activity(user, "lift")

    with time_machine.travel(datetime(2026, 3, 3, 13, tzinfo=UTC)):
        [row] = get_achievements(user)

    assert (row.current, row.target) == (2, 5)


def test_one_that_is_deleted_meanwhile_has_no_progress(user, no_achievements):
    row = AchievementFactory(
        criterion="total_xp", threshold=10, max_times=None, repeat_every=10, xp_reward=5
    )
    Achievement.objects.filter(key=row.key).delete()

    assert goals_of(user.pk, [row], NOON) == {}
