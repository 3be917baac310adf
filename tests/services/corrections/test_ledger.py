from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.exceptions import (
    InsufficientXPError,
    NotReversibleError,
    OutOfRangeError,
    UnknownEntryError,
)
from gamification.models import Activity, ActivityTally, Celebration
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    reverse_source,
    set_time_zone,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("store", "activity", "no_achievements"),
]


def test_an_adjustment_is_an_entry_that_says_who_and_why(user, staff):
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


def test_a_reversal_is_the_negative_of_what_was_credited(user, staff):
    ActivityFactory(key="run", daily_limit=2)
    entry = record_activity(user, "run", quantity=5, key="a", source="kpi:1").entry

    outcome = reverse_entry(user, entry_id=entry.id, actor=staff, note="Deleted.")

    _, reversal = ledger_of(user)
    assert (reversal.kind, reversal.amount) == ("reversal", -20)
    assert (reversal.quantity, reversal.rewarded) == (-5, -2)
    assert (reversal.reverses, reversal.actor) == (entry.id, staff)
    assert (reversal.note, reversal.key, reversal.source) == ("Deleted.", None, "kpi:1")
    assert (outcome.total_xp, outcome.credited) == (0, -20)
    assert ActivityTally.objects.get(user=user).count == 0


def test_a_reversal_belongs_to_the_date_of_the_original(user):
    yesterday = NOW - timedelta(days=1)
    entry = record_activity(user, "walk", occurred_at=yesterday).entry

    reverse_entry(user, entry_id=entry.id)

    _, reversal = ledger_of(user)
    assert reversal.local_date == date(2026, 6, 9)
    assert (reversal.occurred_at, reversal.recorded_at) == (yesterday, NOW)


def test_a_reversal_takes_back_what_was_credited_and_not_what_it_is_worth_now(user):
    entry = record_activity(user, "walk").entry
    Activity.objects.filter(key="walk").update(xp_reward=99, is_active=False)

    assert reverse_entry(user, entry_id=entry.id).total_xp == 0


def test_an_entry_is_reversed_once(user):
    entry = record_activity(user, "walk").entry
    first = reverse_entry(user, entry_id=entry.id)
    before = everything()

    again = reverse_entry(user, entry_id=entry.id, note="Once more.")

    assert (again.replayed, again.total_xp) == (True, 0)
    assert (again.entry.id, again.credited) == (first.entry.id, -10)
    assert everything() == before


def test_an_adjustment_can_be_reversed(user):
    entry = adjust_xp(user, amount=30, note="A prize.").entry

    assert reverse_entry(user, entry_id=entry.id).total_xp == 0


def test_the_reversal_of_a_loss_gives_the_xp_back(user):
    record_activity(user, "walk", quantity=5)
    entry = adjust_xp(user, amount=-20, note="Spent.").entry

    outcome = reverse_entry(user, entry_id=entry.id)

    assert (outcome.credited, outcome.total_xp, outcome.level) == (20, 50, 2)


def test_the_reversal_of_a_loss_unlocks_what_the_xp_earns(user):
    AchievementFactory(key="hundred", criterion="total_xp", threshold=100, xp_reward=0)
    record_activity(user, "walk", quantity=9)
    loss = adjust_xp(user, amount=-20, note="Spent.").entry
    record_activity(user, "walk", quantity=2)

    reverse_entry(user, entry_id=loss.id)

    assert held_by(user) == {"hundred"}


def test_a_reversal_may_leave_a_debt_at_level_1(user):
    entry = record_activity(user, "walk", quantity=10).entry
    adjust_xp(user, amount=-90, note="Spent.")

    outcome = reverse_entry(user, entry_id=entry.id)

    assert (outcome.total_xp, outcome.level) == (-90, 1)
    assert profile_of(user).highest_level == 2


def test_a_reversal_takes_no_achievement(user):
    AchievementFactory(key="walker", criterion="active_days", threshold=1)
    entry = record_activity(user, "walk").entry

    outcome = reverse_entry(user, entry_id=entry.id)

    assert (held_by(user), outcome.total_xp) == ({"walker"}, 50)


def test_a_level_won_again_is_not_celebrated_again(user):
    entry = record_activity(user, "walk", quantity=5).entry
    reverse_entry(user, entry_id=entry.id)

    outcome = record_activity(user, "walk", quantity=5)

    assert (outcome.level_before, outcome.level) == (1, 2)
    assert outcome.celebrations == ()


def test_a_reward_is_not_reversed_by_itself(user):
    AchievementFactory(key="medal")
    reward = award_achievement(user, "medal").entry
    before = everything()

    with pytest.raises(
        NotReversibleError, match=r"^The entry cannot be taken back by itself\.$"
    ):
        reverse_entry(user, entry_id=reward.id)

    assert everything() == before


def test_a_reversal_is_not_reversed(user):
    entry = record_activity(user, "walk").entry
    reversal = reverse_entry(user, entry_id=entry.id).entry

    with pytest.raises(NotReversibleError):
        reverse_entry(user, entry_id=reversal.id)


def test_an_entry_of_somebody_else_is_unknown(user):
    entry = record_activity(UserFactory(), "walk").entry

    with pytest.raises(UnknownEntryError) as refusal:
        reverse_entry(user, entry_id=entry.id)

    assert refusal.value.context == {"entry_id": entry.id}


def test_units_that_were_taken_back_make_room_under_the_limit(user):
    ActivityFactory(key="run", daily_limit=1)
    entry = record_activity(user, "run").entry
    reverse_entry(user, entry_id=entry.id)

    assert record_activity(user, "run").credited == 10


def test_a_source_is_undone_whole(user):
    for day in (8, 9, 10):
        instant = datetime(2026, 6, day, 9, tzinfo=UTC)
        record_activity(
            user, "walk", occurred_at=instant, source="kpi:1", historical=True
        )
    record_activity(user, "walk", source="kpi:2")

    outcomes = reverse_source(user, source="kpi:1", note="Deleted.")

    assert [outcome.credited for outcome in outcomes] == [-10, -10, -10]
    assert [outcome.total_xp for outcome in outcomes] == [30, 20, 10]
    profile = profile_of(user)
    assert (profile.current_streak, profile.longest_streak) == (1, 1)


def test_the_outcomes_of_an_undone_source_name_their_entries(user, staff):
    record_activity(user, "walk", source="kpi:1")
    record_activity(user, "walk", source="kpi:1")

    outcomes = reverse_source(user, source="kpi:1", actor=staff)

    reversals = [entry for entry in ledger_of(user) if entry.kind == "reversal"]
    assert [outcome.entry.id for outcome in outcomes] == [e.pk for e in reversals]
    assert {entry.actor for entry in reversals} == {staff}


def test_a_source_is_undone_for_one_user(user):
    other = UserFactory()
    for each in (user, other):
        record_activity(each, "walk", source="kpi:1")

    reverse_source(user, source="kpi:1")

    assert (profile_of(user).total_xp, profile_of(other).total_xp) == (0, 10)


def test_a_source_is_undone_for_everybody(user):
    users = [user, UserFactory(), UserFactory()]
    for each in users:
        record_activity(each, "walk", source="kpi:1")

    outcomes = reverse_source(None, source="kpi:1")

    assert [outcome.entry.user_id for outcome in outcomes] == sorted(
        each.pk for each in users
    )
    assert [profile_of(each).total_xp for each in users] == [0, 0, 0]


def test_undoing_again_does_nothing(user):
    record_activity(user, "walk", source="kpi:1")
    reverse_source(user, source="kpi:1")
    before = everything()

    assert reverse_source(user, source="kpi:1") == []
    assert reverse_source(None, source="kpi:1") == []
    assert everything() == before


def test_undoing_leaves_what_was_reversed_by_itself(user):
    entry = record_activity(user, "walk", source="kpi:1").entry
    record_activity(user, "walk", source="kpi:1")
    reverse_entry(user, entry_id=entry.id)

    outcomes = reverse_source(user, source="kpi:1")

    assert len(outcomes) == 1
    assert profile_of(user).total_xp == 0


def test_an_unknown_source_is_nothing_to_undo(user):
    record_activity(user, "walk", source="kpi:1")

    assert reverse_source(user, source="kpi:2") == []
    assert reverse_source(None, source="kpi:2") == []


def test_achievements_that_a_source_unlocked_stay(user):
    AchievementFactory(key="walker", criterion="active_days", threshold=1)
    record_activity(user, "walk", source="kpi:1")

    reverse_source(user, source="kpi:1")

    assert (held_by(user), profile_of(user).total_xp) == ({"walker"}, 50)


def test_what_was_undone_can_be_done_again(user):
    record_activity(user, "walk", source="kpi:1")
    reverse_source(user, source="kpi:1")
    record_activity(user, "walk", source="kpi:1")

    [outcome] = reverse_source(user, source="kpi:1")

    assert outcome.total_xp == 0
