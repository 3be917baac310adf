from __future__ import annotations

from datetime import date, timedelta

import pytest

from gamification.exceptions import InsufficientXPError, OutOfRangeError
from gamification.models import Celebration
from gamification.services import (
    adjust_xp,
    record_activity,
    reverse_entry,
    set_time_zone,
)
from tests.factories import AchievementFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

YESTERDAY = NOW - timedelta(days=1)


def test_an_adjustment_is_an_entry_with_actor_and_note(user, staff):
    outcome = adjust_xp(user, amount=30, note="A prize.", actor=staff)

    [entry] = ledger_of(user)
    assert (entry.kind, entry.amount) == ("adjustment", 30)
    assert (entry.actor, entry.note) == (staff, "A prize.")
    assert (entry.activity, entry.quantity, entry.extends_streak) == (None, 0, False)
    assert (entry.occurred_at, entry.local_date) == (NOW, date(2026, 6, 10))
    assert (outcome.entry.id, outcome.credited, outcome.total_xp) == (entry.pk, 30, 30)


def test_an_adjustment_has_the_users_own_date(user):
    set_time_zone(user, "Pacific/Kiritimati")

    outcome = adjust_xp(user, amount=30, note="A prize.")

    assert outcome.entry.local_date == date(2026, 6, 11)


def test_an_adjustment_makes_no_streak(user):
    outcome = adjust_xp(user, amount=30, note="A prize.")

    assert (outcome.current_streak, profile_of(user).active_days) == (0, 0)


def test_an_adjustment_raises_the_level_and_is_celebrated(user):
    outcome = adjust_xp(user, amount=300, note="A prize.")

    assert (outcome.level_before, outcome.level) == (1, 4)
    assert [notice.dedupe_key for notice in outcome.celebrations] == ["level:4"]


def test_an_adjustment_may_be_silent(user):
    adjust_xp(user, amount=300, note="A prize.", celebrate=False)

    assert not Celebration.objects.exists()


def test_an_adjustment_unlocks_what_its_xp_earns(user):
    AchievementFactory(key="hundred", criterion="total_xp", threshold=100)

    adjust_xp(user, amount=100, note="A prize.")

    assert held_by(user) == {"hundred"}


def test_an_adjustment_unlocks_as_of_when_the_ledger_met_it(user):
    record_activity(user, "walk", quantity=5, occurred_at=YESTERDAY)
    AchievementFactory(key="fifty", criterion="total_xp", threshold=50)
    AchievementFactory(key="sixty", criterion="total_xp", threshold=60, xp_reward=0)

    adjust_xp(user, amount=1, note="A gift.")

    unlocks = user.gamification_achievements.order_by("achievement__threshold")
    assert [unlock.unlocked_at for unlock in unlocks] == [YESTERDAY, YESTERDAY]


def test_an_adjustment_may_take_everything(user):
    record_activity(user, "walk", quantity=5)

    outcome = adjust_xp(user, amount=-50, note="Spent.")

    assert (outcome.total_xp, outcome.level_before, outcome.level) == (0, 2, 1)
    assert profile_of(user).highest_level == 2


def test_an_adjustment_below_zero_is_refused_with_the_balance(user):
    record_activity(user, "walk", quantity=5)
    before = everything()

    with pytest.raises(
        InsufficientXPError, match=r"^The user has 50 XP; 51 cannot be taken\.$"
    ) as refusal:
        adjust_xp(user, amount=-51, note="Spent.")

    assert refusal.value.context == {"balance": 50}
    assert everything() == before


def test_a_user_without_xp_can_lose_none(user):
    with pytest.raises(InsufficientXPError):
        adjust_xp(user, amount=-1, note="Spent.")


def test_a_debt_may_be_paid(user):
    entry = record_activity(user, "walk", quantity=5).entry
    adjust_xp(user, amount=-50, note="Spent.")
    reverse_entry(user, entry_id=entry.id)

    outcome = adjust_xp(user, amount=20, note="A gift.")

    assert outcome.total_xp == -30


def test_an_adjustment_beyond_what_can_be_kept_is_refused(user):
    record_activity(user, "walk")
    before = everything()

    with pytest.raises(OutOfRangeError):
        adjust_xp(user, amount=2**53, note="All of it.")

    assert everything() == before
