"""What boards and explanations say is true."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gamification.leaderboards import get_leaderboard
from gamification.models import Achievement, Activity
from gamification.services import (
    adjust_xp,
    explain_achievement,
    record_activity,
    reverse_entry,
)
from gamification.staff import RecalculationScope, recalculate_xp
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import held_by
from tests.promises.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


def walk(user, hour):
    """Record a walk at this hour of today; return the id of its entry."""
    at = NOW.replace(hour=hour)
    return record_activity(user, "walk", occurred_at=at).entry.id


def board():
    return [entry.user_id for entry in get_leaderboard("day").entries]


def test_who_gained_and_undid_something_later_keeps_the_earlier_time():
    first, second = UserFactory.create_batch(2)
    walk(first, 8)
    walk(second, 9)
    undone = walk(first, 10)

    reverse_entry(first, entry_id=undone)

    assert board() == [first.pk, second.pk]
    [entry, _] = get_leaderboard("day").entries
    assert entry.reached_at == NOW.replace(hour=8)


def test_a_recalculation_of_what_was_undone_moves_nobody():
    first, second = UserFactory.create_batch(2)
    walk(first, 8)
    walk(second, 9)
    undone = walk(first, 10)
    Activity.objects.filter(key="walk").update(xp_reward=25)
    today = NOW.date()
    recalculate_xp(RecalculationScope(["walk"], today, today))

    reverse_entry(first, entry_id=undone)

    assert [entry.score for entry in get_leaderboard("day").entries] == [25, 25]
    assert board() == [first.pk, second.pk]


def test_a_record_that_is_worth_nothing_any_more_moves_nobody():
    first, second = UserFactory.create_batch(2)
    swim = ActivityFactory(key="swim", xp_reward=10)
    walk(first, 8)
    walk(second, 9)
    record_activity(first, "swim", occurred_at=NOW.replace(hour=10))
    swim.xp_reward = 0
    swim.save()
    today = NOW.date()

    recalculate_xp(RecalculationScope(["swim"], today, today))

    assert board() == [first.pk, second.pk]


@pytest.fixture
def lowered(user, activity, no_achievements):
    """An achievement whose threshold was lowered to what the user has done."""
    AchievementFactory(
        key="walker",
        name="Walker",
        criterion="activity_count",
        activity=activity,
        threshold=9,
    )
    ActivityFactory(key="swim", name="Swim")
    record_activity(user, "walk", occurred_at=NOW - timedelta(days=1))
    Achievement.objects.filter(key="walker").update(threshold=1)


@pytest.mark.usefixtures("lowered")
def test_an_explanation_says_which_record_unlocks_what_is_met(user):
    text = explain_achievement(user, "walker").text

    assert "the next record of “Walk”" in text


@pytest.mark.usefixtures("lowered")
def test_the_record_of_which_an_explanation_speaks_unlocks_and_no_other(user):
    record_activity(user, "swim")
    assert held_by(user) == set()

    record_activity(user, "walk")

    assert held_by(user) == {"walker"}


CRITERIA = [
    ("active_days", 1),
    ("longest_streak", 1),
    ("level", 1),
    ("total_xp", 10),
]


@pytest.mark.parametrize(("criterion", "threshold"), CRITERIA)
def test_any_record_unlocks_what_is_met_and_counts_no_activity(
    user, criterion, threshold
):
    record_activity(user, "walk")
    AchievementFactory(key="it", criterion=criterion, threshold=threshold)
    ActivityFactory(key="look", xp_reward=0, extends_streak=False)

    text = explain_achievement(user, "it").text
    record_activity(user, "look")

    assert "the next record of any activity" in text
    assert held_by(user) == {"it"}


def test_an_adjustment_that_takes_xp_unlocks_nothing(user):
    record_activity(user, "walk", quantity=3)
    AchievementFactory(key="it", criterion="total_xp", threshold=10)

    adjust_xp(user, amount=-10, note="too much")

    assert held_by(user) == set()
