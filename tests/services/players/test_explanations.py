from __future__ import annotations

import pytest

from gamification.exceptions import UnknownAchievementError
from gamification.models import Achievement, Activity
from gamification.services import (
    adjust_xp,
    award_achievement,
    explain_achievement,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.staff import exclude_user, get_facts
from gamification.values import Explanation, Facts
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import everything, held_by

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture
def walker(activity):
    return AchievementFactory(
        key="walker",
        name="Walker",
        criterion="activity_count",
        activity=activity,
        threshold=4,
    )


def test_an_explanation_has_numbers_and_words(user, walker):
    record_activity(user, "walk")

    explanation = explain_achievement(user, "walker")

    assert explanation == Explanation(
        achievement="walker",
        name="Walker",
        is_unlocked=False,
        criterion="activity_count",
        measures="Walk",
        current=1,
        target=4,
        missing=3,
        fraction=0.25,
        blocked_by=(),
        text="“Walker” requires 4 × Walk. The user is at 1 × Walk. 3 to go.",
    )


def test_an_unlocked_achievement_is_explained_as_unlocked(user, walker):
    record_activity(user, "walk", quantity=9)

    explanation = explain_achievement(user, "walker")

    assert (explanation.is_unlocked, explanation.text) == (
        True,
        "“Walker” is unlocked.",
    )
    assert (explanation.current, explanation.missing) == (9, 0)
    assert (explanation.fraction, explanation.blocked_by) == (1.0, ())


def test_an_award_by_hand_is_unlocked_whatever_is_measured(user, walker):
    award_achievement(user, "walker")

    explanation = explain_achievement(user, "walker")

    assert (explanation.is_unlocked, explanation.fraction) == (True, 1.0)
    assert (explanation.current, explanation.missing) == (0, 0)


def test_a_newcomer_stands_at_0(user, walker):
    before = everything()

    explanation = explain_achievement(user, "walker")

    assert (explanation.current, explanation.missing, explanation.fraction) == (0, 4, 0)
    assert everything() == before


@pytest.mark.parametrize(
    ("criterion", "measures", "current"),
    [
        ("active_days", "active days", 1),
        ("longest_streak", "longest streak", 1),
        ("level", "level", 2),
        ("total_xp", "total XP", 60),
        ("achievements", "achievements held", 1),
        ("manual", "awarded by hand", 0),
    ],
)
def test_every_criterion_is_measured(user, criterion, measures, current):
    AchievementFactory(key="medal")
    award_achievement(user, "medal")
    record_activity(user, "walk")
    AchievementFactory(key="other", criterion=criterion, threshold=1_000)

    explanation = explain_achievement(user, "other")

    assert (explanation.criterion, explanation.measures) == (criterion, measures)
    assert explanation.current == current


def test_an_achievement_met_before_it_existed_waits_for_the_next_record(user, activity):
    record_activity(user, "walk", quantity=5)
    AchievementFactory(
        key="new",
        name="New",
        criterion="activity_count",
        activity=activity,
        threshold=5,
    )

    explanation = explain_achievement(user, "new")

    assert (explanation.is_unlocked, explanation.missing) == (False, 0)
    assert explanation.text == (
        "“New” requires 5 × Walk. The user is at 5 × Walk. It unlocks with the next "
        "record of “Walk”, or when staff award or backfill it."
    )


@pytest.mark.parametrize(("other", "held"), [("run", set()), ("walk", {"walker"})])
def test_the_record_that_unlocks_it_is_the_one_that_is_named(user, walker, other, held):
    ActivityFactory(key="run")
    Achievement.objects.filter(pk=walker.pk).update(status="draft")
    record_activity(user, "walk", quantity=4)
    Achievement.objects.filter(pk=walker.pk).update(status="active")

    record_activity(user, other)

    assert held_by(user) == held


def test_an_achievement_that_counts_no_activity_unlocks_with_any_record(user):
    adjust_xp(user, amount=60, note="A gift.")
    AchievementFactory(key="new", name="New", criterion="total_xp", threshold=50)

    text = explain_achievement(user, "new").text
    record_activity(user, "walk")

    assert text.endswith(
        "It unlocks with the next record of any activity, or when staff award or "
        "backfill it."
    )
    assert held_by(user) == {"new"}


def test_an_achievement_lost_by_a_reversal_is_not_blocked(user, walker):
    Achievement.objects.filter(pk=walker.pk).update(revocable=True)
    entry = record_activity(user, "walk", quantity=4).entry
    reverse_entry(user, entry_id=entry.id)

    explanation = explain_achievement(user, "walker")

    assert (explanation.is_unlocked, explanation.missing) == (False, 4)
    assert explanation.blocked_by == ()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("draft", "It is a draft, which nobody can unlock yet."),
        ("retired", "It is retired: nobody can unlock it any more."),
    ],
)
def test_a_status_blocks(user, walker, status, words):
    Achievement.objects.filter(pk=walker.pk).update(status=status)

    explanation = explain_achievement(user, "walker")

    assert explanation.blocked_by == (status,)
    assert explanation.text == (
        f"“Walker” requires 4 × Walk. The user is at 0 × Walk. 4 to go. {words}"
    )


def test_an_achievement_that_only_staff_award_is_blocked(user):
    AchievementFactory(key="medal")

    explanation = explain_achievement(user, "medal")

    assert explanation.blocked_by == ("manual",)
    assert explanation.text.endswith("Staff award it by hand.")


def test_an_activity_that_is_switched_off_blocks(user, walker):
    Activity.objects.filter(key="walk").update(is_active=False)

    explanation = explain_achievement(user, "walker")

    assert explanation.blocked_by == ("inactive_activity",)
    assert explanation.text.endswith("The activity that it counts is switched off.")


def test_a_revocation_blocks(user, walker):
    record_activity(user, "walk", quantity=4)
    revoke_achievement(user, "walker")

    explanation = explain_achievement(user, "walker")

    assert (explanation.is_unlocked, explanation.missing) == (False, 0)
    assert explanation.blocked_by == ("revoked",)
    assert explanation.text == (
        "“Walker” requires 4 × Walk. The user is at 4 × Walk. "
        "Staff have revoked it, and only they can give it back."
    )


def test_an_exclusion_from_the_game_blocks(user, walker):
    record_activity(user, "walk", quantity=3)
    exclude_user(user, reason="A bot.", actor=None)

    explanation = explain_achievement(user, "walker")

    assert explanation.blocked_by == ("excluded",)
    assert explanation.text == (
        "“Walker” requires 4 × Walk. The user is at 3 × Walk. 1 to go. "
        "Staff have excluded the user from the game."
    )


def test_all_that_blocks_is_told(user, walker):
    award_achievement(user, "walker")
    revoke_achievement(user, "walker")
    Achievement.objects.filter(pk=walker.pk).update(status="retired")
    Activity.objects.filter(key="walk").update(is_active=False)

    explanation = explain_achievement(user, "walker")

    assert explanation.blocked_by == ("revoked", "retired", "inactive_activity")


def test_a_debt_is_no_way_at_all(user):
    AchievementFactory(key="rich", criterion="total_xp", threshold=100)
    adjust_xp(user, amount=60, note="A gift.")
    entry = adjust_xp(user, amount=30, note="A gift.").entry
    adjust_xp(user, amount=-90, note="Spent.")
    reverse_entry(user, entry_id=entry.id)

    explanation = explain_achievement(user, "rich")

    assert (explanation.current, explanation.missing) == (-30, 130)
    assert explanation.fraction == 0


def test_a_secret_achievement_is_explained_too(user, walker):
    Achievement.objects.filter(pk=walker.pk).update(is_secret=True)

    assert explain_achievement(user, "walker").missing == 4


@pytest.mark.parametrize(
    "fields", [{"is_secret": True}, {"status": "draft"}], ids=["secret", "draft"]
)
@pytest.mark.parametrize(
    "verb", [explain_achievement, award_achievement, revoke_achievement]
)
def test_a_hidden_achievement_is_not_suggested(user, walker, verb, fields):
    Achievement.objects.filter(pk=walker.pk).update(**fields)

    with pytest.raises(UnknownAchievementError) as refusal:
        verb(user, "wakler")

    assert str(refusal.value) == "No achievement has the key 'wakler'."


def test_facts_are_what_achievements_measure(user, activity):
    AchievementFactory(key="medal")
    award_achievement(user, "medal")
    record_activity(user, "walk", quantity=2)

    assert get_facts(user) == Facts(
        active_days=1,
        longest_streak=1,
        level=2,
        total_xp=70,
        achievements=1,
        counts={activity.pk: 2},
    )


def test_facts_of_a_newcomer_are_zeros(user):
    assert get_facts(user) == Facts(0, 0, 1, 0, 0, {})
