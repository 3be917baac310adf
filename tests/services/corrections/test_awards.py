from __future__ import annotations

from datetime import timedelta

import pytest

from gamification.exceptions import AchievementNotActiveError, AchievementNotHeldError
from gamification.models import Achievement, Celebration, UserAchievement
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    revoke_achievement,
)
from tests.factories import AchievementFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture
def medal(no_achievements):
    return AchievementFactory(key="medal", name="Medal", icon="🥇")


def test_an_award_gives_the_achievement_and_its_xp(user, staff, medal):
    outcome = award_achievement(user, "medal", actor=staff, note="Well done.")

    assert held_by(user) == {"medal"}
    assert (outcome.total_xp, outcome.level) == (50, 2)
    assert [unlock.achievement for unlock in outcome.unlocks] == ["medal"]
    [entry] = ledger_of(user)
    assert (entry.kind, entry.amount, entry.achievement) == ("achievement", 50, medal)
    assert (entry.actor, entry.note) == (staff, "Well done.")


def test_the_xp_of_an_award_is_gained_once(user, medal):
    assert award_achievement(user, "medal").xp_gained == 50


def test_an_award_has_the_time_of_the_award(user, medal):
    award_achievement(user, "medal")

    unlock = UserAchievement.objects.get(user=user)
    assert (unlock.unlocked_at, unlock.xp_awarded) == (NOW, 50)


def test_an_award_is_celebrated(user, medal):
    outcome = award_achievement(user, "medal")

    keys = list(user.gamification_celebrations.values_list("dedupe_key", flat=True))
    assert keys == ["achievement:medal", "level:2"]
    assert [notice.id for notice in outcome.celebrations] == list(
        user.gamification_celebrations.values_list("id", flat=True)
    )


def test_an_award_may_be_silent(user, medal):
    outcome = award_achievement(user, "medal", celebrate=False)

    assert (outcome.celebrations, Celebration.objects.count()) == ((), 0)


def test_an_award_unlocks_what_follows(user, medal):
    AchievementFactory(key="second", criterion="level", threshold=2)
    AchievementFactory(key="collector", criterion="achievements", threshold=2)

    outcome = award_achievement(user, "medal")

    keys = [unlock.achievement for unlock in outcome.unlocks]
    assert keys == ["medal", "second", "collector"]


def test_an_award_unlocks_what_was_met_before_at_the_time_when_it_was_met(user, medal):
    earlier = NOW - timedelta(days=1)
    record_activity(user, "walk", occurred_at=earlier)
    AchievementFactory(key="first_day", criterion="active_days", threshold=1)

    outcome = award_achievement(user, "medal")

    assert [unlock.achievement for unlock in outcome.unlocks] == ["medal", "first_day"]
    unlock = UserAchievement.objects.get(achievement__key="first_day")
    assert unlock.unlocked_at == earlier


def test_any_achievement_can_be_awarded_by_hand(user):
    AchievementFactory(key="walker", criterion="active_days", threshold=100)

    award_achievement(user, "walker")

    assert held_by(user) == {"walker"}


def test_an_award_of_what_is_held_changes_nothing(user, medal):
    award_achievement(user, "medal")
    before = everything()

    outcome = award_achievement(user, "medal")

    assert (outcome.replayed, outcome.entry, outcome.credited) == (True, None, 0)
    assert (outcome.total_xp, outcome.level_before, outcome.level) == (50, 2, 2)
    assert everything() == before


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_only_an_active_achievement_can_be_awarded(user, status):
    AchievementFactory(key="medal", status=status)
    before = everything()

    with pytest.raises(
        AchievementNotActiveError,
        match=rf"^'medal' is .*{status}: only an active achievement can be awarded\.$",
    ) as refusal:
        award_achievement(user, "medal")

    assert refusal.value.context == {"achievement": "medal"}
    assert everything() == before


def test_an_award_of_what_is_held_and_retired_since_changes_nothing(user, medal):
    award_achievement(user, "medal")
    Achievement.objects.filter(pk=medal.pk).update(status="retired")

    assert award_achievement(user, "medal").replayed


def test_revoking_keeps_the_row_with_actor_time_and_reason(user, staff, medal):
    award_achievement(user, "medal")

    revoke_achievement(user, "medal", actor=staff, reason="A mistake.")

    row = UserAchievement.objects.get(user=user)
    assert (row.revoked_at, row.revoked_by) == (NOW, staff)
    assert (row.revoke_reason, row.xp_awarded) == ("A mistake.", 50)
    assert held_by(user) == set()


def test_revoking_takes_the_xp_back_by_a_reversal(user, staff, medal):
    award_achievement(user, "medal")

    outcome = revoke_achievement(user, "medal", actor=staff, reason="A mistake.")

    award, reversal = ledger_of(user)
    assert (reversal.kind, reversal.amount) == ("reversal", -50)
    assert (reversal.reverses, reversal.achievement) == (award.pk, medal)
    assert (reversal.actor, reversal.note) == (staff, "A mistake.")
    assert (outcome.total_xp, outcome.level_before, outcome.level) == (0, 2, 1)


def test_revoking_takes_back_what_was_given_and_not_what_it_is_worth_now(user, medal):
    award_achievement(user, "medal")
    Achievement.objects.filter(pk=medal.pk).update(xp_reward=1_000)

    outcome = revoke_achievement(user, "medal")

    assert (outcome.credited, outcome.total_xp) == (-50, 0)


def test_revoking_may_leave_a_debt(user, medal):
    award_achievement(user, "medal")
    adjust_xp(user, amount=-30, note="Spent.")
    outcome = revoke_achievement(user, "medal")

    assert (outcome.total_xp, outcome.level) == (-30, 1)
    assert profile_of(user).highest_level == 2


def test_revoking_twice_changes_nothing(user, medal):
    award_achievement(user, "medal")
    revoke_achievement(user, "medal", reason="A mistake.")
    before = everything()

    outcome = revoke_achievement(user, "medal", reason="Once more.")

    assert (outcome.replayed, outcome.entry) == (True, None)
    assert everything() == before


def test_revoking_what_is_not_held_is_refused(user, medal):
    record_activity(user, "walk")
    before = everything()

    with pytest.raises(
        AchievementNotHeldError, match=r"^The user does not hold 'medal'\.$"
    ):
        revoke_achievement(user, "medal")

    assert everything() == before


def test_a_retired_achievement_can_be_revoked(user, medal):
    award_achievement(user, "medal")
    Achievement.objects.filter(pk=medal.pk).update(status="retired")

    revoke_achievement(user, "medal")

    assert held_by(user) == set()


def test_a_revoked_achievement_is_not_unlocked_by_itself_again(user):
    AchievementFactory(key="walker", criterion="active_days", threshold=1)
    record_activity(user, "walk")
    revoke_achievement(user, "walker")

    outcome = record_activity(user, "walk")

    assert (outcome.unlocks, held_by(user)) == ((), set())


def test_an_award_by_hand_clears_a_revocation(user, staff):
    AchievementFactory(key="walker", criterion="active_days", threshold=1)
    record_activity(user, "walk")
    revoke_achievement(user, "walker", actor=staff, reason="A mistake.")

    award_achievement(user, "walker")

    row = UserAchievement.objects.get(user=user)
    assert (row.revoked_at, row.revoked_by, row.revoke_reason) == (None, None, "")
    assert profile_of(user).total_xp == 60


def test_award_and_revocation_can_be_repeated(user, medal):
    for _ in range(3):
        award_achievement(user, "medal")
        revoke_achievement(user, "medal")

    assert [entry.amount for entry in ledger_of(user)] == [50, -50] * 3
    reversals = [entry.reverses for entry in ledger_of(user)[1::2]]
    assert reversals == [entry.pk for entry in ledger_of(user)[::2]]


def test_an_award_given_back_is_not_celebrated_again(user, medal):
    award_achievement(user, "medal")
    revoke_achievement(user, "medal")

    outcome = award_achievement(user, "medal")

    assert outcome.celebrations == ()
    assert user.gamification_celebrations.count() == 2


def test_revoking_leaves_what_followed_from_it(user, medal):
    AchievementFactory(key="second", criterion="level", threshold=2, xp_reward=5)
    award_achievement(user, "medal")

    outcome = revoke_achievement(user, "medal")

    assert held_by(user) == {"second"}
    assert (outcome.total_xp, outcome.level) == (5, 1)
