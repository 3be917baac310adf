"""A change of one user takes no lock; a conflict is decided again."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest
from django.db import transaction

from gamification.exceptions import IdempotencyConflictError, InsufficientXPError
from gamification.models import LedgerEntry, UserAchievement
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    reverse_source,
    revoke_achievement,
    set_time_zone,
)
from tests.factories import AchievementFactory, UserFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    before_next_write,
    before_statement,
    total_of,
)

pytestmark = [
    COMMITTED,
    ONLY_POSTGRESQL,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture(params=[0, 1], ids=["newcomer", "known"])
def user(request, user):
    """A user without a row, and one with."""
    for _ in range(request.param):
        adjust_xp(user, amount=5, note="a gift")
    return user


def test_a_record_that_meets_a_conflict_is_decided_again(user):
    with before_next_write(lambda: record_activity(user, "walk")):
        outcome = record_activity(user, "walk")

    assert outcome.total_xp == total_of(user)
    assert LedgerEntry.objects.filter(user=user, kind="activity").count() == 2


def test_a_record_whose_key_was_used_meanwhile_is_a_replay(user):
    with before_next_write(lambda: record_activity(user, "walk", key="once")):
        outcome = record_activity(user, "walk", key="once")

    assert outcome.replayed


def test_a_record_whose_key_was_used_for_another_meanwhile_is_refused(user):
    intruder = before_next_write(lambda: record_activity(user, "walk", key="once"))

    with intruder, pytest.raises(IdempotencyConflictError):
        record_activity(user, "walk", quantity=2, key="once")


def test_a_record_whose_limit_was_used_up_meanwhile_is_withheld(user, activity):
    activity.daily_limit = 1
    activity.save()

    with before_next_write(lambda: record_activity(user, "walk")):
        outcome = record_activity(user, "walk")

    assert outcome.credited == 0
    assert outcome.withheld.reason == "daily_limit"


def test_a_record_does_not_unlock_what_was_unlocked_meanwhile(user):
    AchievementFactory(criterion="active_days")

    with before_next_write(lambda: record_activity(user, "walk")):
        outcome = record_activity(user, "walk")

    assert outcome.unlocks == ()
    assert UserAchievement.objects.filter(user=user).count() == 1


def test_a_record_after_a_change_of_zone_meanwhile_is_on_the_new_date(
    user, time_machine
):
    time_machine.move_to("2026-03-01T23:30:00+00:00", tick=False)

    with before_next_write(lambda: set_time_zone(user, "Asia/Tokyo")):
        outcome = record_activity(user, "walk")

    assert outcome.entry.local_date.isoformat() == "2026-03-02"


def test_a_deduction_that_meets_a_conflict_is_checked_again(user):
    adjust_xp(user, amount=20, note="a gift")
    balance = total_of(user)

    def spend():
        return adjust_xp(user, amount=-balance, note="a purchase")

    with before_next_write(spend), pytest.raises(InsufficientXPError):
        spend()

    assert total_of(user) == 0


def test_a_reversal_that_was_made_meanwhile_is_a_replay(user):
    entry = record_activity(user, "walk").entry

    def reverse():
        return reverse_entry(user, entry_id=entry.id)

    with before_next_write(reverse):
        outcome = reverse()

    assert outcome.replayed


def test_a_revocation_that_was_made_meanwhile_changes_nothing(user):
    award_achievement(user, AchievementFactory(key="medal").key)

    with before_next_write(lambda: revoke_achievement(user, "medal")):
        outcome = revoke_achievement(user, "medal")

    assert outcome.replayed


def test_an_award_that_was_made_meanwhile_stands(user):
    award_achievement(user, AchievementFactory(key="medal").key)
    revoke_achievement(user, "medal")

    with before_next_write(lambda: award_achievement(user, "medal")):
        outcome = award_achievement(user, "medal")

    assert outcome.replayed
    assert UserAchievement.objects.get(user=user).revoked_at is None


def test_a_record_inside_of_a_transaction_is_decided_again_too(user):
    intruder = before_next_write(lambda: record_activity(user, "walk"))

    with transaction.atomic(), intruder:
        outcome = record_activity(user, "walk")

    assert outcome.total_xp == total_of(user)


#: Verbs, and the XP that each of them adds to the 60 that there are.
VERBS = {
    "record": (lambda user: record_activity(user, "walk"), 10),
    "award": (lambda user: award_achievement(user, "other medal"), 50),
    "revoke": (lambda user: revoke_achievement(user, "medal"), -50),
    "adjust": (lambda user: adjust_xp(user, amount=1, note="a gift"), 1),
    "reverse": (lambda user: reverse_source(user, source="shop:1"), -10),
    "replay": (lambda user: award_achievement(user, "medal"), 0),
}


@pytest.mark.parametrize(("verb", "xp"), VERBS.values(), ids=VERBS)
def test_a_record_may_come_before_any_statement(verb, xp):
    AchievementFactory(key="medal")
    AchievementFactory(key="other medal")
    for number in count(1):
        user = UserFactory()
        award_achievement(user, "medal")
        record_activity(user, "walk", source="shop:1")

        intruder = partial(record_activity, user, "walk")
        with before_statement(number, intruder) as undone:
            verb(user)

        if undone:
            break
        assert total_of(user) == 60 + xp + 10
    assert number > 1
