from __future__ import annotations

from functools import partial

import pytest

from gamification.exceptions import (
    AchievementNotHeldError,
    InsufficientXPError,
)
from gamification.models import LedgerEntry, UserAchievement
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    reverse_source_for_everyone,
    revoke_achievement,
)
from tests.factories import AchievementFactory, UserFactory
from tests.races import COMMITTED, are_one_outcome, at_once, total_of

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", xp_reward=50)


def revoke_if_held(user):
    try:
        return revoke_achievement(user, "medal")
    except AchievementNotHeldError:
        return None


def test_an_award_by_many_is_one_award(user, medal):
    outcomes = at_once([partial(award_achievement, user, "medal")] * 16)

    assert sum(not outcome.replayed for outcome in outcomes) == 1
    assert total_of(user) == 50


def test_a_revocation_by_many_is_one_revocation(user, medal):
    award_achievement(user, "medal")

    outcomes = at_once([partial(revoke_achievement, user, "medal")] * 16)

    assert sum(not outcome.replayed for outcome in outcomes) == 1
    assert total_of(user) == 0


def test_award_and_revoke_at_once_leave_at_most_one_reward(medal):
    for user in UserFactory.create_batch(10):
        at_once(
            [partial(award_achievement, user, "medal"), partial(revoke_if_held, user)]
            * 3
        )

        is_held = UserAchievement.objects.get(user=user).revoked_at is None
        assert total_of(user) == 50 * is_held


def test_two_criteria_at_once_unlock_each_achievement_once(user, activity):
    AchievementFactory(criterion="activity_count", activity=activity)
    AchievementFactory(criterion="total_xp", threshold=30, xp_reward=30)
    AchievementFactory(criterion="achievements", threshold=2, xp_reward=1_000)
    adjust = partial(adjust_xp, user, amount=20, note="a gift")

    outcomes = at_once([partial(record_activity, user, "walk"), adjust] * 4)

    assert sum(len(outcome.unlocks) for outcome in outcomes) == 3
    assert total_of(user) == 4 * 10 + 4 * 20 + 50 + 30 + 1_000


def test_an_entry_is_reversed_once_by_many(user):
    entry = record_activity(user, "walk").entry

    outcomes = at_once([partial(reverse_entry, user, entry_id=entry.id)] * 16)

    assert sum(not outcome.replayed for outcome in outcomes) == 1
    assert len({outcome.entry for outcome in outcomes}) == 1
    assert LedgerEntry.objects.get(kind="reversal").reverses == entry.id


def test_a_source_is_reversed_once_by_many(user):
    for _ in range(3):
        record_activity(user, "walk", source="shop:1")

    reversals = at_once([partial(reverse_source_for_everyone, source="shop:1")] * 8)

    assert sum(len(outcomes) for outcomes in reversals) == 3
    assert total_of(user) == 0


def test_records_and_their_reversal_at_once_add_up(user):
    entry = record_activity(user, "walk").entry
    reverse = partial(reverse_entry, user, entry_id=entry.id)

    at_once([partial(record_activity, user, "walk")] * 8 + [reverse] * 2)

    assert total_of(user) == 80


def test_an_adjustment_with_one_key_is_one_adjustment(user):
    adjust = partial(adjust_xp, user, amount=25, note="a gift", key="once")

    outcomes = at_once([adjust] * 16)

    assert are_one_outcome(outcomes)
    assert total_of(user) == 25


def test_a_replayed_adjustment_has_the_celebrations_of_the_first(user):
    adjust = partial(adjust_xp, user, amount=500, note="a gift", key="once")

    outcomes = at_once([adjust] * 4)

    assert outcomes[0].celebrations
    assert are_one_outcome(outcomes)


def test_deductions_at_once_never_take_more_than_there_is(user):
    adjust_xp(user, amount=50, note="a gift")

    def spend():
        try:
            return adjust_xp(user, amount=-20, note="a purchase").credited
        except InsufficientXPError:
            return 0

    assert sorted(at_once([spend] * 8)) == [-20, -20, 0, 0, 0, 0, 0, 0]
    assert total_of(user) == 10
