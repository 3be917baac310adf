from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.exceptions import (
    NotReversibleError,
    UnknownEntryError,
    UnknownUserError,
)
from gamification.models import (
    ActiveDay,
    Activity,
    ActivityTally,
    UserAchievement,
)
from gamification.services import (
    adjust_xp,
    award_achievement,
    pending_celebrations,
    record_activity,
    reverse_entry,
    reverse_source,
    reverse_source_for_everyone,
    revoke_achievement,
)
from gamification.services.corrections import reversals
from gamification.staff import RecalculationScope, entry_fingerprint, recalculate_xp
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


def edit(key="walk", **numbers):
    Activity.objects.filter(key=key).update(**numbers)


def recalculate(*keys):
    """Give what was recorded in the last days what activities give now."""
    since = NOW.date() - timedelta(days=9)
    recalculate_xp(RecalculationScope(keys or ("walk",), since, NOW.date()))


def test_another_entry_with_the_id_of_the_one_that_was_looked_at_stays(user, activity):
    entry = record_activity(user, "walk").entry
    seen = entry_fingerprint(entry)
    restored = entry_fingerprint(entry._replace(quantity=2))

    with pytest.raises(UnknownEntryError, match="not the entry that you looked at"):
        reverse_entry(user, entry_id=entry.id, fingerprint=restored)
    outcome = reverse_entry(user, entry_id=entry.id, fingerprint=seen)

    assert outcome.credited == -10
    assert entry_fingerprint(ledger_of(user)[0]) == seen


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


def test_a_reversal_takes_back_what_a_recalculation_added(user):
    record_activity(user, "walk", source="s:1")
    edit(xp_reward=25)
    recalculate()

    [outcome] = reverse_source(user, source="s:1")
    again = record_activity(user, "walk", source="s:1")

    assert (outcome.credited, outcome.total_xp) == (-25, 0)
    assert (again.credited, again.total_xp) == (25, 25)
    assert ActiveDay.objects.get(user=user).xp == 25


def test_a_reversal_takes_back_no_more_than_a_recalculation_left(user):
    record_activity(user, "walk", source="s:1")
    edit(xp_reward=4)
    recalculate()

    [outcome] = reverse_source(user, source="s:1")

    assert (outcome.credited, outcome.total_xp) == (-4, 0)


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
        NotReversibleError,
        match=rf"^Entry {reward.id} cannot be reversed by itself: revoke the ach",
    ):
        reverse_entry(user, entry_id=reward.id)

    assert everything() == before


def test_a_reversal_is_not_reversed(user):
    entry = record_activity(user, "walk").entry
    reversal = reverse_entry(user, entry_id=entry.id).entry

    with pytest.raises(
        NotReversibleError, match=r": record what happened again, under a new key\.$"
    ):
        reverse_entry(user, entry_id=reversal.id)


def test_an_entry_of_somebody_else_is_unknown(user):
    entry = record_activity(UserFactory(), "walk").entry

    with pytest.raises(UnknownEntryError) as refusal:
        reverse_entry(user, entry_id=entry.id)

    assert refusal.value.context == {"entry_id": entry.id}


def test_units_that_were_reversed_make_room_under_the_limit(user):
    ActivityFactory(key="run", daily_limit=1)
    entry = record_activity(user, "run").entry
    reverse_entry(user, entry_id=entry.id)

    assert record_activity(user, "run").credited == 10


def runs(user, *hours, **fields):
    """Run once at each hour of today; at most two runs of a day earn XP."""
    ActivityFactory(key="run", **{"daily_limit": 2, **fields})
    today = NOW.replace(hour=0)
    return [
        record_activity(user, "run", occurred_at=today + timedelta(hours=hour)).entry
        for hour in hours
    ]


def test_a_reversal_credits_what_the_limit_withheld(user):
    first, _, third = runs(user, 8, 9, 10)

    outcome = reverse_entry(user, entry_id=first.id, note="A mistake.")

    [correction] = outcome.corrections
    assert (correction.corrects, correction.amount) == (third.id, 10)
    assert (correction.rewarded, correction.note) == (1, "A mistake.")
    assert (outcome.credited, outcome.xp_gained, outcome.total_xp) == (-10, 0, 20)


def test_a_record_after_a_reversal_earns_what_is_left_of_the_limit(user):
    first, _ = runs(user, 8, 9)
    reverse_entry(user, entry_id=first.id)

    assert record_activity(user, "run").credited == 10
    assert record_activity(user, "run").credited == 0
    assert profile_of(user).total_xp == 20


def test_the_rest_of_a_day_is_worth_the_limit_when_all_that_earned_is_reversed(user):
    first, second, *_ = runs(user, 8, 9, 10, 11)

    reverse_entry(user, entry_id=first.id)
    outcome = reverse_entry(user, entry_id=second.id)

    assert outcome.total_xp == 20
    assert ActiveDay.objects.get(user=user).xp == 20


def test_reversals_of_one_source_share_the_room_that_they_make(user):
    runs(user, 8, 9, 10, 11, 11.5)
    edit("run", daily_limit=3)
    record_activity(user, "run", source="s:1")
    record_activity(user, "run", source="s:1")

    reverse_source(user, source="s:1")

    assert profile_of(user).total_xp == 30


def test_no_level_is_reached_while_a_source_is_reversed(user):
    ActivityFactory(key="run", daily_limit=2)
    AchievementFactory(key="fifty", criterion="total_xp", threshold=50)
    record_activity(user, "walk", quantity=2)
    for source in ("s:1", "s:1", "", ""):
        record_activity(user, "run", source=source)

    outcomes = reverse_source(user, source="s:1")

    profile = profile_of(user)
    assert (profile.total_xp, profile.highest_level) == (40, 1)
    assert [outcome.unlocks for outcome in outcomes] == [(), ()]
    assert held_by(user) == set()


def test_a_correction_is_reversed_with_its_record(user):
    first, _, third = runs(user, 8, 9, 10)
    reverse_entry(user, entry_id=first.id)

    outcome = reverse_entry(user, entry_id=third.id)

    assert (outcome.credited, outcome.total_xp) == (-10, 10)


def test_freed_units_earn_the_reward_of_their_own_record(user):
    first, *_ = runs(user, 8, 9, 10)
    edit("run", xp_reward=99)

    assert reverse_entry(user, entry_id=first.id).total_xp == 20


def test_a_reversal_credits_what_a_cooldown_withheld(user):
    first, *_ = runs(user, 8, 8.5, 8.75, daily_limit=None, cooldown=3_600)

    outcome = reverse_entry(user, entry_id=first.id)

    assert [entry.amount for entry in outcome.corrections] == [10]
    assert outcome.total_xp == 10


def test_a_cooldown_is_freed_over_midnight(user):
    first, second = runs(user, -0.5, 0.25, daily_limit=None, cooldown=3_600)
    assert second.amount == 0

    outcome = reverse_entry(user, entry_id=first.id)

    assert (outcome.corrections[0].corrects, outcome.total_xp) == (second.id, 10)


def test_a_reversal_within_a_cooldown_frees_nothing_that_another_record_cools(user):
    _, second, _ = runs(user, 8, 9, 8.5, daily_limit=None, cooldown=3_600)

    outcome = reverse_entry(user, entry_id=second.id)

    assert (outcome.corrections, outcome.total_xp) == ((), 10)


def test_a_correction_that_earned_xp_starts_a_cooldown(user):
    first, _ = runs(user, 8, 8.5, daily_limit=None, cooldown=3_600)
    reverse_entry(user, entry_id=first.id)

    late = record_activity(user, "run", occurred_at=NOW.replace(hour=9, minute=15))

    assert late.withheld.reason == "cooldown"


def test_a_correction_is_not_reversed_by_itself(user):
    first, *_ = runs(user, 8, 9, 10)
    reverse_entry(user, entry_id=first.id)
    [pk] = [entry.pk for entry in ledger_of(user) if entry.kind == "correction"]

    with pytest.raises(
        NotReversibleError, match=r": it goes with the entry that it corrects\.$"
    ):
        reverse_entry(user, entry_id=pk)


@pytest.fixture
def first_walk(no_achievements):
    """An achievement that is lost with the walk that unlocked it."""
    return AchievementFactory(
        key="first",
        name="First",
        criterion="active_days",
        threshold=1,
        xp_reward=20,
        revocable=True,
    )


def test_a_reversal_takes_a_revocable_achievement_that_no_longer_holds(
    user, staff, first_walk
):
    record_activity(user, "walk", source="s:1")

    [outcome] = reverse_source(user, source="s:1", actor=staff, note="Deleted.")

    assert [(lost.achievement, lost.xp) for lost in outcome.lost] == [("first", 20)]
    assert (held_by(user), outcome.total_xp, outcome.xp_gained) == (set(), 0, -30)
    row = UserAchievement.objects.get(user=user)
    assert (row.revoked_by, row.revoke_reason) == (staff, "Deleted.")
    assert row.can_be_earned_again


def test_a_lost_achievement_can_be_earned_again_in_silence(user, first_walk):
    record_activity(user, "walk", source="s:1")
    reverse_source(user, source="s:1")

    outcome = record_activity(user, "walk")

    assert (held_by(user), outcome.total_xp) == ({"first"}, 30)
    assert [unlock.achievement for unlock in outcome.unlocks] == ["first"]
    assert outcome.celebrations == ()
    assert not UserAchievement.objects.get(user=user).can_be_earned_again


def test_a_revocable_achievement_that_still_holds_stays(user, first_walk):
    record_activity(user, "walk", source="s:1")
    record_activity(user, "walk")

    [outcome] = reverse_source(user, source="s:1")

    assert (held_by(user), outcome.lost, outcome.total_xp) == ({"first"}, (), 30)


def test_a_revocable_achievement_that_was_awarded_by_hand_stays(user):
    AchievementFactory(
        key="hundred", criterion="active_days", threshold=100, revocable=True
    )
    award_achievement(user, "hundred")
    record_activity(user, "walk", source="s:1")

    reverse_source(user, source="s:1")

    assert held_by(user) == {"hundred"}


def test_an_achievement_that_was_awarded_for_no_period_stays(user, activity):
    walked = {"criterion": "activity_count", "activity": activity, "threshold": 9}
    AchievementFactory(key="season", starts_at=NOW - timedelta(days=9), **walked)
    weekly = {"repeat_period": "week", "max_times": None, "revocable": True}
    AchievementFactory(key="weekly", **weekly, **walked)
    award_achievement(user, "weekly")
    record_activity(user, "walk", source="s:1")

    reverse_source(user, source="s:1")

    assert held_by(user) == {"weekly"}


def test_a_loss_takes_what_followed_from_it_if_that_is_revocable(user, first_walk):
    AchievementFactory(
        key="thirty",
        criterion="total_xp",
        threshold=30,
        xp_reward=5,
        revocable=True,
    )
    AchievementFactory(key="kept", criterion="total_xp", threshold=30, xp_reward=1)
    record_activity(user, "walk", source="s:1")

    [outcome] = reverse_source(user, source="s:1")

    assert {lost.achievement for lost in outcome.lost} == {"first", "thirty"}
    assert (held_by(user), outcome.total_xp) == ({"kept"}, 1)


def test_an_achievement_that_staff_revoked_is_not_lost_once_more(user, first_walk):
    record_activity(user, "walk", source="s:1")
    revoke_achievement(user, "first")

    [outcome] = reverse_source(user, source="s:1")

    assert (outcome.lost, outcome.total_xp) == ((), 0)
    assert not UserAchievement.objects.get(user=user).can_be_earned_again


def test_nothing_waits_to_be_shown_of_what_was_reversed(user, first_walk):
    record_activity(user, "walk", quantity=9, source="s:1")
    before = [show.dedupe_key for show in pending_celebrations(user)]

    reverse_source(user, source="s:1")

    assert before == ["achievement:first", "level:2"]
    assert pending_celebrations(user) == []


def test_a_reversal_announces_what_was_met_before_it_at_its_own_date(user):
    """A gain by a reversal unlocks as of when the records that stand met it."""
    yesterday = NOW - timedelta(days=1)
    record_activity(user, "walk", quantity=10, occurred_at=yesterday)
    fine = adjust_xp(user, amount=-50, note="Spent.").entry
    AchievementFactory(key="hundred", criterion="total_xp", threshold=100)

    reverse_entry(user, entry_id=fine.id)

    assert UserAchievement.objects.get(user=user).unlocked_at == yesterday


def test_a_source_is_reversed_whole(user):
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


def test_the_outcomes_of_a_reversed_source_name_their_entries(user, staff):
    record_activity(user, "walk", source="kpi:1")
    record_activity(user, "walk", source="kpi:1")

    outcomes = reverse_source(user, source="kpi:1", actor=staff)

    reversals = [entry for entry in ledger_of(user) if entry.kind == "reversal"]
    assert [outcome.entry.id for outcome in outcomes] == [e.pk for e in reversals]
    assert {entry.actor for entry in reversals} == {staff}


def test_a_source_is_reversed_for_one_user(user):
    other = UserFactory()
    for each in (user, other):
        record_activity(each, "walk", source="kpi:1")

    reverse_source(user, source="kpi:1")

    assert (profile_of(user).total_xp, profile_of(other).total_xp) == (0, 10)


def test_a_source_is_reversed_for_everybody(user):
    users = [user, UserFactory(), UserFactory()]
    for each in users:
        record_activity(each, "walk", source="kpi:1")

    outcomes = reverse_source_for_everyone(source="kpi:1")

    assert [outcome.entry.user_id for outcome in outcomes] == sorted(
        each.pk for each in users
    )
    assert [profile_of(each).total_xp for each in users] == [0, 0, 0]


def test_nobody_is_not_everybody(user):
    record_activity(user, "walk", source="kpi:1")
    before = everything()

    with pytest.raises(UnknownUserError):
        reverse_source(None, source="kpi:1")

    assert everything() == before


def test_a_second_reversal_of_a_source_does_nothing(user):
    record_activity(user, "walk", source="kpi:1")
    reverse_source(user, source="kpi:1")
    before = everything()

    assert reverse_source(user, source="kpi:1") == []
    assert reverse_source_for_everyone(source="kpi:1") == []
    assert everything() == before


def test_a_source_leaves_alone_what_was_reversed_by_itself(user):
    entry = record_activity(user, "walk", source="kpi:1").entry
    record_activity(user, "walk", source="kpi:1")
    reverse_entry(user, entry_id=entry.id)

    outcomes = reverse_source(user, source="kpi:1")

    assert len(outcomes) == 1
    assert profile_of(user).total_xp == 0


def test_an_unknown_source_has_nothing_to_reverse(user):
    record_activity(user, "walk", source="kpi:1")

    assert reverse_source(user, source="kpi:2") == []
    assert reverse_source_for_everyone(source="kpi:2") == []


def test_achievements_that_a_source_unlocked_stay(user):
    AchievementFactory(key="walker", criterion="active_days", threshold=1)
    record_activity(user, "walk", source="kpi:1")

    reverse_source(user, source="kpi:1")

    assert (held_by(user), profile_of(user).total_xp) == ({"walker"}, 50)


def test_a_source_can_be_recorded_and_reversed_again(user):
    record_activity(user, "walk", source="kpi:1")
    reverse_source(user, source="kpi:1")
    record_activity(user, "walk", source="kpi:1")

    [outcome] = reverse_source(user, source="kpi:1")

    assert outcome.total_xp == 0


def test_a_user_who_goes_meanwhile_is_passed_over(user, activity, monkeypatch):
    other, original = UserFactory(), reversals._reverse_source
    for each in (user, other):
        record_activity(each, "walk", source="kpi:1")

    def meet(user_id, source, reason):
        if user_id == user.pk:
            raise UnknownUserError
        return original(user_id, source, reason)

    monkeypatch.setattr(reversals, "_reverse_source", meet)

    outcomes = reverse_source_for_everyone(source="kpi:1")

    assert [outcome.entry.user_id for outcome in outcomes] == [other.pk]
