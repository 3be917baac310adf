from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.outcomes import (
    NO_REASON,
    CelebrationNotice,
    Reason,
    Unlock,
)
from gamification.domain.rewards import UnlockRow
from gamification.domain.streaks import Streak
from gamification.domain.totals import TotalOutOfRangeError
from gamification.storage.rows import entry_rows, notice_rows
from tests.domain.builders import (
    NOW,
    TODAY,
    achievement,
    activity,
    changeset,
    entry,
    on,
    record,
    reward,
    standing,
    state,
)

LARGEST = 2**53


def reverse(changes, *targets, **options):
    """Reverse entries; return the outcome of the last of them."""
    changes.reverse(targets, **options)
    return [*changes.outcomes.values()][-1]


def keys(unlocks):
    return [unlock.achievement for unlock in unlocks]


def test_a_record_is_an_entry_of_the_ledger():
    changes = changeset()

    outcome = changes.record(record(quantity=3), activity(), TODAY)

    assert changes.entries == [outcome.entry]
    assert outcome.entry == entry(
        amount=30,
        activity_id=1,
        quantity=3,
        rewarded=3,
        xp_reward=10,
        extends_streak=True,
    )


def test_a_record_of_a_newcomer_begins_everything():
    changes = changeset()

    outcome = changes.record(record(), activity(), TODAY)

    assert (outcome.credited, outcome.total_xp, outcome.level) == (10, 10, 1)
    assert (outcome.current_streak, outcome.longest_streak) == (1, 1)
    assert (outcome.withheld, outcome.unlocks, outcome.celebrations) == (None, (), ())
    assert (changes.active_days, changes.tallies, changes.days) == (
        1,
        {1: 1},
        {TODAY: (1, 10)},
    )


def test_units_over_a_limit_are_counted_and_earn_nothing():
    changes = changeset()

    outcome = changes.record(record(quantity=5), activity(daily_limit=2), TODAY)

    assert (outcome.credited, outcome.withheld.xp) == (20, 30)
    assert (outcome.entry.quantity, outcome.entry.rewarded) == (5, 2)
    assert changes.tallies == {1: 5}


def test_an_activity_that_extends_no_streak_leaves_the_days_alone():
    changes = changeset()

    outcome = changes.record(record(), activity(extends_streak=False), TODAY)

    assert (outcome.total_xp, outcome.current_streak) == (10, 0)
    assert (changes.days, changes.active_days) == ({}, 0)


def test_an_unlock_is_paid_by_an_entry_of_its_own():
    medal = achievement("activity_count", 1, activity_id=1, key="medal", xp_reward=50)
    changes = changeset(medal)

    outcome = changes.record(record(), activity(), TODAY)

    assert outcome.unlocks == (Unlock("medal", "", "", 50),)
    assert (outcome.credited, outcome.xp_gained, outcome.total_xp) == (10, 60, 60)
    assert changes.entries[1] == entry(
        kind="achievement", amount=50, achievement_id=medal.id
    )


def test_an_unlock_is_dated_when_its_condition_was_met():
    changes = changeset(achievement("active_days", 1, id=5, xp_reward=20))
    earlier = NOW - timedelta(days=1, hours=2)

    changes.record(record(earlier), activity(), date(2026, 6, 9))

    assert changes.unlocks == (UnlockRow(7, 5, earlier, xp_awarded=20),)
    assert changes.entries[1].local_date == date(2026, 6, 9)
    assert changes.entries[1].recorded_at == NOW


def test_an_unlock_unlocks_the_achievements_that_follow():
    # 10 XP and 45 for the walk reach level 2; its 100 XP reach level 3.
    chain = [
        achievement("level", 3, key="third", xp_reward=0),
        achievement("level", 2, key="second", xp_reward=100),
        achievement("activity_count", 1, activity_id=1, key="first", xp_reward=45),
        achievement("level", 4, key="out of reach", xp_reward=1_000),
    ]

    outcome = changeset(*chain).record(record(), activity(), TODAY)

    assert keys(outcome.unlocks) == ["first", "second", "third"]
    assert (outcome.total_xp, outcome.level_before, outcome.level) == (155, 1, 3)


def test_achievements_may_count_achievements():
    rules = [
        achievement("achievements", 2, key="collector"),
        achievement("active_days", 1, key="a"),
        achievement("longest_streak", 1, key="b"),
    ]

    outcome = changeset(*rules).record(record(), activity(), TODAY)

    assert keys(outcome.unlocks) == ["a", "b", "collector"]


def test_xp_of_an_unlock_may_unlock_by_total():
    rules = [
        achievement("active_days", 1, key="day", xp_reward=90),
        achievement("total_xp", 100, key="hundred"),
    ]

    outcome = changeset(*rules).record(record(), activity(), TODAY)

    assert keys(outcome.unlocks) == ["day", "hundred"]


def test_several_tiers_at_once_are_unlocked_in_order():
    rules = [
        achievement("activity_count", 50, activity_id=1, key="fifty"),
        achievement("activity_count", 1, activity_id=1, key="one"),
        achievement("activity_count", 10, activity_id=1, key="ten"),
    ]

    outcome = changeset(*rules).record(record(quantity=50), activity(), TODAY)

    assert keys(outcome.unlocks) == ["one", "ten", "fifty"]


def test_an_achievement_held_or_revoked_is_not_unlocked_again():
    rules = [achievement("active_days", 1, id=5), achievement("active_days", 1, id=6)]
    start = state(held=frozenset({5}), revoked=frozenset({6}))

    outcome = changeset(*rules, start=start).record(record(), activity(), TODAY)

    assert outcome.unlocks == ()


def test_several_levels_at_once_make_one_celebration():
    outcome = changeset().record(record(quantity=30), activity(), TODAY)

    assert (outcome.level_before, outcome.level) == (1, 4)
    assert outcome.celebrations == (
        CelebrationNotice(
            "level", "level:4", {"from": 1, "to": 4, "levels": [2, 3, 4]}
        ),
    )


def test_levels_of_an_unlock_and_of_the_record_are_celebrated_together():
    medal = achievement("active_days", 1, key="medal", xp_reward=100)

    outcome = changeset(medal).record(record(quantity=5), activity(), TODAY)

    assert [notice.dedupe_key for notice in outcome.celebrations] == [
        "achievement:medal",
        "level:3",
    ]


def test_a_level_is_not_celebrated_on_the_way_back_up():
    start = state(total_xp=45, highest_level=4)

    outcome = changeset(start=start).record(record(), activity(), TODAY)

    assert (outcome.level, outcome.celebrations) == (2, ())


def test_only_the_levels_above_the_highest_are_celebrated():
    start = state(total_xp=45, highest_level=2)

    outcome = changeset(start=start).record(record(quantity=30), activity(), TODAY)

    [notice] = outcome.celebrations
    assert notice.data == {"from": 2, "to": 4, "levels": [3, 4]}


def test_a_streak_milestone_is_celebrated_when_first_reached():
    start = state(
        streak=Streak(2, 2, date(2026, 6, 9)), active_days=2, highest_streak=2
    )
    changes = changeset(start=start, milestones=(2, 3, 7))

    outcome = changes.record(record(), activity(), TODAY)

    assert outcome.celebrations == (
        CelebrationNotice("streak", "streak:3", {"days": 3}),
    )


def test_a_silent_changeset_unlocks_and_celebrates_nothing():
    changes = changeset(achievement("active_days", 1, key="medal"), celebrate=False)

    outcome = changes.record(record(quantity=30), activity(), TODAY)

    assert (keys(outcome.unlocks), outcome.level) == (["medal"], 4)
    assert (outcome.celebrations, changes.celebrations) == ((), ())


def test_a_streak_milestone_is_not_celebrated_when_reached_again():
    start = state(
        streak=Streak(2, 2, date(2026, 6, 9)), active_days=2, highest_streak=3
    )

    outcome = changeset(start=start, milestones=(3,)).record(
        record(), activity(), TODAY
    )

    assert (outcome.longest_streak, outcome.celebrations) == (3, ())


def test_an_achievement_earned_again_is_not_celebrated_again():
    rules = [achievement("active_days", 1, id=5, key="medal")]
    changes = changeset(*rules, start=state(lapsed=frozenset({5})))

    outcome = changes.record(record(), activity(), TODAY)

    assert (keys(outcome.unlocks), outcome.celebrations) == (["medal"], ())


def test_a_celebration_waits_for_as_long_as_the_rules_say():
    changes = changeset()

    changes.record(record(quantity=5), activity(), TODAY)

    [row] = notice_rows(changes)
    assert (row.user_id, row.kind, row.dedupe_key) == (7, "level", "level:2")
    assert (row.created_at, row.expires_at) == (
        NOW,
        datetime(2026, 6, 17, 12, tzinfo=UTC),
    )


def test_a_celebration_knows_its_achievement_level_or_days():
    start = state(streak=Streak(2, 2, date(2026, 6, 9)), highest_streak=2)
    rule = achievement("longest_streak", 3, id=5, key="medal")
    changes = changeset(rule, start=start, milestones=(3,))

    changes.record(record(quantity=30), activity(), TODAY)

    rows = [(row.kind, row.achievement_id, row.number) for row in notice_rows(changes)]
    assert rows == [("achievement", 5, None), ("level", None, 4), ("streak", None, 3)]


def test_records_of_a_changeset_build_on_each_other():
    changes = changeset(achievement("activity_count", 2, activity_id=1, key="two"))

    first = changes.record(record(), activity(), date(2026, 6, 9))
    second = changes.record(record(), activity(), TODAY)

    assert (first.unlocks, keys(second.unlocks)) == ((), ["two"])
    assert (first.total_xp, second.total_xp) == (10, 20)
    assert (first.current_streak, second.current_streak) == (1, 2)


def test_two_records_of_a_day_make_one_active_day():
    changes = changeset()

    changes.record(record(), activity(), TODAY)
    changes.record(record(), activity(), TODAY)

    assert (changes.active_days, changes.days) == (1, {TODAY: (2, 20)})


def test_a_record_on_the_last_active_day_lengthens_nothing():
    start = state(streak=Streak(4, 6, TODAY), active_days=9)

    outcome = changeset(start=start).record(record(), activity(), TODAY)

    assert (outcome.current_streak, outcome.longest_streak) == (4, 6)


def test_a_late_record_joins_runs():
    days = {date(2026, 6, 7): 1, date(2026, 6, 8): 1, TODAY: 2}
    start = state(streak=Streak(1, 2, TODAY), active_days=3, days=days)
    changes = changeset(start=start)

    outcome = changes.record(record(), activity(), date(2026, 6, 9))

    assert (outcome.current_streak, outcome.longest_streak) == (4, 4)
    assert changes.active_days == 4


def test_a_keyed_record_keeps_its_outcome():
    changes = changeset()

    outcome = changes.record(record(key="a"), activity(), TODAY)

    [row] = entry_rows(changes)
    assert (row[-1], outcome.entry.outcome) == (outcome.snapshot(), None)


def test_a_record_without_a_key_keeps_none():
    changes = changeset()

    changes.record(record(), activity(), TODAY)

    [row] = entry_rows(changes)
    assert row[-1] is None


def test_ids_are_given_to_entries_and_celebrations_of_each_outcome():
    changes = changeset(achievement("active_days", 1, key="medal"))
    changes.record(record(quantity=4), activity(), TODAY)
    changes.record(record(), activity(), TODAY)
    ids = [101, 102, 103]

    first, second = changes.numbered(
        ids, {(7, "achievement:medal"): 8, (7, "level:2"): 9}
    )

    # 102 is the reward of the medal, which came with the first record.
    assert (first.entry.id, second.entry.id) == (101, 103)
    assert [notice.id for notice in first.celebrations] == [8]
    assert [notice.id for notice in second.celebrations] == [9]


def test_a_celebration_that_was_not_stored_is_not_in_the_outcome():
    changes = changeset(achievement("active_days", 1, key="medal"))
    changes.record(record(quantity=5), activity(), TODAY)

    [outcome] = changes.numbered([101, 102], {(7, "level:2"): 9})

    assert [notice.dedupe_key for notice in outcome.celebrations] == ["level:2"]


@pytest.mark.parametrize("total", [LARGEST - 10, -LARGEST - 10])
def test_a_total_may_reach_its_bounds(total):
    outcome = changeset(start=state(total_xp=total)).record(record(), activity(), TODAY)

    assert outcome.total_xp == total + 10


def test_a_total_beyond_its_bounds_is_refused():
    changes = changeset(start=state(total_xp=LARGEST - 9))

    with pytest.raises(TotalOutOfRangeError):
        changes.record(record(), activity(), TODAY)


def test_a_reward_that_leads_beyond_the_bounds_is_refused():
    changes = changeset(
        achievement("active_days", 1, xp_reward=1),
        start=state(total_xp=LARGEST - 10),
    )

    with pytest.raises(TotalOutOfRangeError):
        changes.record(record(), activity(), TODAY)


def test_a_debt_beyond_the_bounds_is_refused():
    changes = changeset(start=state(total_xp=-LARGEST, days={}))

    with pytest.raises(TotalOutOfRangeError):
        reverse(changes, standing(entry(id=3, amount=1)))


def test_a_tally_beyond_its_bounds_is_refused():
    changes = changeset(start=state(tallies={1: LARGEST}))

    with pytest.raises(TotalOutOfRangeError):
        changes.record(record(), activity(xp_reward=0), TODAY)


def test_an_adjustment_changes_the_total_and_nothing_else():
    changes = changeset(start=state(total_xp=20))

    outcome = changes.adjust(entry(kind="adjustment", amount=-20))

    assert (outcome.credited, outcome.total_xp) == (-20, 0)
    assert (changes.tallies, changes.days, changes.unlocks) == ({}, {}, ())


def test_an_adjustment_unlocks_what_its_xp_earns():
    changes = changeset(achievement("total_xp", 100, key="hundred"))

    outcome = changes.adjust(entry(kind="adjustment", amount=100))

    assert keys(outcome.unlocks) == ["hundred"]


def test_an_adjustment_downwards_takes_the_level_and_leaves_the_highest():
    start = state(total_xp=160, level=3, highest_level=3)
    changes = changeset(start=start)

    outcome = changes.adjust(entry(kind="adjustment", amount=-120))

    assert (outcome.level_before, outcome.level) == (3, 1)
    assert (changes.highest_level, outcome.celebrations) == (3, ())


WALK = entry(id=3, activity_id=1, quantity=2, rewarded=1, extends_streak=True, key="a")


def walker(**days):
    """A user who walked twice on each day of June that is given, as ``d10=1``."""
    dates = {date(2026, 6, int(name[1:])): count for name, count in days.items()}
    return state(
        total_xp=100,
        level=2,
        highest_level=2,
        tallies={1: 10},
        active_days=len(dates),
        streak=Streak(len(dates), len(dates), max(dates)),
        days=dates,
    )


def test_a_reversal_is_the_negative_of_what_was_credited_on_the_same_date():
    outcome = reverse(
        changeset(start=walker(d10=1)), standing(WALK), reason=Reason(9, "gone")
    )

    assert outcome.entry == WALK._replace(
        id=None,
        kind="reversal",
        amount=-10,
        quantity=-2,
        rewarded=-1,
        key=None,
        reverses=3,
        actor_id=9,
        note="gone",
    )
    assert (outcome.credited, outcome.total_xp) == (-10, 90)


def test_a_reversal_takes_back_the_corrections_too():
    corrected = standing(WALK, worth=45, rewarded=2, xp_reward=25)

    outcome = reverse(changeset(start=walker(d10=1)), corrected)

    assert (outcome.entry.amount, outcome.entry.rewarded) == (-45, -2)
    assert (outcome.credited, outcome.total_xp) == (-45, 55)


def test_a_reversal_credits_what_it_makes_room_for():
    other = standing(
        WALK._replace(id=4, quantity=3, rewarded=0, amount=0, xp_reward=10),
        rewarded=0,
        xp_reward=10,
    )
    changes = changeset(start=walker(d10=2))

    outcome = reverse(
        changes, standing(WALK), room=[(other, 2)], reason=Reason(9, "gone")
    )

    assert outcome.corrections == (
        other.entry._replace(
            id=None,
            kind="correction",
            amount=20,
            quantity=0,
            rewarded=2,
            key=None,
            corrects=4,
            actor_id=9,
            note="gone",
        ),
    )
    assert (outcome.total_xp, outcome.xp_gained) == (110, 10)
    assert changes.changed_days == {TODAY: (-1, 10)}


def test_entries_that_are_reversed_together_have_an_outcome_each():
    changes = changeset(start=walker(d10=2))
    second = WALK._replace(id=4, amount=7)

    changes.reverse([standing(WALK), standing(second)])

    first, last = changes.outcomes.values()
    assert [first.total_xp, last.total_xp] == [90, 83]
    assert [first.entry.reverses, last.entry.reverses] == [3, 4]


def test_units_freed_by_many_reversals_come_with_the_last_of_them():
    start = state(total_xp=40, usage={}, days={TODAY: 4})
    waiting = [
        standing(WALK._replace(id=pk, amount=0, rewarded=0, xp_reward=10), rewarded=0)
        for pk in (5, 6)
    ]
    changes = changeset(achievement("total_xp", 50), start=start)

    changes.reverse(
        [standing(WALK), standing(WALK._replace(id=4))],
        room=[(each, 1) for each in waiting],
    )

    first, last = changes.outcomes.values()
    assert (first.corrections, len(last.corrections)) == ((), 2)
    assert [first.total_xp, last.total_xp] == [30, 40]
    assert changes.unlocks == ()


def test_a_loss_is_measured_from_before_the_first_of_many_reversals():
    rule = achievement("total_xp", 95, id=5, key="rich", revocable=True)
    start = walker(d10=2)
    start.held = {5}

    outcome = reverse(
        changeset(rule, start=start),
        standing(WALK),
        standing(WALK._replace(id=4)),
        rewards={(5, 1): medal_of(5)},
    )

    assert keys(outcome.lost) == ["rich"]


def test_a_reversal_that_gains_unlocks_what_the_total_earns():
    hundred = achievement("total_xp", 110, key="hundred")
    other = standing(WALK._replace(id=4, quantity=2, xp_reward=10), rewarded=0)
    start = walker(d10=2)
    start.ledger = [on(1, amount=100)]

    outcome = reverse(
        changeset(hundred, start=start), standing(WALK), room=[(other, 2)]
    )

    assert keys(outcome.unlocks) == ["hundred"]


def test_a_reversal_takes_the_day_with_it_when_nothing_else_is_left_of_it():
    changes = changeset(start=walker(d8=1, d9=1, d10=1))

    outcome = reverse(changes, standing(WALK))

    assert (outcome.current_streak, outcome.longest_streak) == (2, 2)
    assert (changes.lost_days, changes.changed_days) == ({TODAY}, {})
    assert (changes.active_days, changes.tallies) == (2, {1: -2})


def test_a_reversal_in_the_middle_splits_the_run():
    changes = changeset(start=walker(d8=1, d9=1, d10=1))

    outcome = reverse(changes, standing(WALK._replace(local_date=date(2026, 6, 9))))

    assert (outcome.current_streak, outcome.longest_streak) == (1, 1)


def test_a_reversal_leaves_a_day_on_which_more_was_done():
    changes = changeset(start=walker(d9=1, d10=2))

    outcome = reverse(changes, standing(WALK))

    assert outcome.current_streak == 2
    assert (changes.lost_days, changes.changed_days) == (set(), {TODAY: (-1, -10)})


def test_a_reversal_may_lead_into_debt_at_level_1():
    changes = changeset(start=state(total_xp=5, days={}))

    outcome = reverse(changes, standing(entry(id=3, kind="adjustment", amount=30)))

    assert (outcome.total_xp, outcome.level) == (-25, 1)


def test_a_reversal_takes_no_achievement_away():
    changes = changeset(
        achievement("total_xp", 10, id=5),
        start=state(held=frozenset({5}), total_xp=10, days={TODAY: 1}),
    )

    outcome = reverse(changes, standing(WALK))

    assert (changes.held, changes.unlocks, outcome.lost) == ({5}, (), ())


def medal_of(pk, amount=50):
    """Return the reward of an achievement that was unlocked yesterday."""
    at = NOW - timedelta(days=1)
    return standing(
        entry(
            id=100 + pk,
            kind="achievement",
            achievement_id=pk,
            amount=amount,
            occurred_at=at,
            local_date=date(2026, 6, 9),
        )
    )


def test_a_reversal_takes_revocable_achievements_that_no_longer_hold():
    rule = achievement(
        "activity_count", 10, id=5, activity_id=1, key="ten", revocable=True
    )
    start = walker(d10=1)
    start.held = {5, 6}
    changes = changeset(rule, start=start)

    outcome = reverse(
        changes, standing(WALK), rewards={(5, 1): medal_of(5)}, reason=Reason(9, "gone")
    )

    assert outcome.lost == (Unlock("ten", "", "", 50),)
    assert (outcome.total_xp, outcome.xp_gained, changes.held) == (40, -60, {6})
    assert changes.unlocks == (
        UnlockRow(
            7, 5, NOW - timedelta(1), 50, NOW, 9, "gone", can_be_earned_again=True
        ),
    )
    undone = changes.entries[1]
    assert (undone.kind, undone.reverses, undone.amount) == ("reversal", 105, -50)


def test_a_loss_may_take_others_with_it():
    count = achievement("activity_count", 10, id=5, activity_id=1, revocable=True)
    level = achievement("level", 2, id=6, revocable=True)
    start = walker(d10=1)
    start.held = {5, 6}

    outcome = reverse(
        changeset(level, count, start=start),
        standing(WALK),
        rewards={(5, 1): medal_of(5), (6, 1): medal_of(6, 20)},
    )

    assert keys(outcome.lost) == [level.key, count.key]
    assert outcome.total_xp == 20


def test_an_achievement_that_did_not_hold_before_is_not_lost():
    rule = achievement("total_xp", 5_000, id=5, revocable=True)
    start = walker(d10=1)
    start.held = {5}

    outcome = reverse(
        changeset(rule, start=start), standing(WALK), rewards={(5, 1): medal_of(5)}
    )

    assert outcome.lost == ()


def test_an_achievement_that_still_holds_is_not_lost():
    rule = achievement("total_xp", 90, id=5, revocable=True)
    start = walker(d10=1)
    start.held = {5}

    outcome = reverse(
        changeset(rule, start=start), standing(WALK), rewards={(5, 1): medal_of(5)}
    )

    assert (outcome.total_xp, outcome.lost) == (90, ())


def correction(amount):
    return entry(kind="correction", corrects=3, amount=amount)


def test_corrections_are_weighed_together_before_a_level_is_reached():
    start = state(total_xp=60, level=2, highest_level=2)
    changes = changeset(start=start)

    changes.correct([correction(120), correction(-90)])

    assert (changes.total_xp, changes.highest_level) == (90, 2)


def test_corrections_that_gain_unlock_what_the_total_earns():
    start = state(total_xp=60, ledger=[on(1, amount=60)])
    changes = changeset(achievement("total_xp", 100, id=5), start=start)

    changes.correct([correction(30), correction(20)])

    assert [unlock.achievement_id for unlock in changes.unlocks] == [5]


def test_corrections_that_lose_unlock_nothing():
    changes = changeset(achievement("total_xp", 100), start=state(total_xp=130))

    changes.correct([correction(-10)])

    assert (changes.total_xp, changes.unlocks) == (120, ())


def test_an_award_by_hand_names_its_actor():
    medal = achievement("manual", 1, id=5, key="medal", xp_reward=60)
    changes = changeset(medal)

    outcome = changes.award(medal, Reason(9, "Well done."))

    assert outcome.unlocks == (Unlock("medal", "", "", 60),)
    assert (outcome.entry.actor_id, outcome.entry.note) == (9, "Well done.")
    assert changes.unlocks == (UnlockRow(7, 5, NOW, 60),)
    assert (outcome.total_xp, outcome.level) == (60, 2)


def test_the_xp_of_an_award_is_gained_once():
    medal = achievement("manual", 1, xp_reward=60)

    outcome = changeset(medal).award(medal, Reason(9))

    assert outcome.xp_gained == 60


def test_an_award_unlocks_what_follows_from_it():
    medal = achievement("manual", 1, key="medal", xp_reward=60)
    changes = changeset(medal, achievement("level", 2, key="second"))

    outcome = changes.award(medal, NO_REASON)

    assert keys(outcome.unlocks) == ["medal", "second"]


def test_revoking_takes_the_xp_back_and_says_who_and_why():
    changes = changeset(
        start=state(held=frozenset({5, 6}), total_xp=60, level=2, days={})
    )
    unlock = UnlockRow(7, 5, NOW - timedelta(1), 50)
    reward = standing(entry(id=3, kind="achievement", amount=50, achievement_id=5))

    outcome = changes.revoke([(unlock, reward)], Reason(9, "A mistake."))

    lost = UnlockRow(7, 5, NOW - timedelta(1), 50, NOW, 9, "A mistake.")
    assert changes.unlocks == (lost,)
    assert (changes.held, outcome.total_xp, outcome.level) == ({6}, 10, 1)
    assert (outcome.entry.kind, outcome.entry.reverses) == ("reversal", 3)


def test_a_record_on_a_neutral_date_extends_no_streak():
    to_auckland = datetime(2026, 5, 5, 9, 30, tzinfo=UTC)
    zones = Calendar((ZoneChange(0, "Pacific/Honolulu"),)).with_zone(
        "Pacific/Auckland", to_auckland
    )
    changes = changeset(start=state(calendar=zones))

    outcome = changes.record(record(to_auckland), activity(), date(2026, 5, 5))

    assert (outcome.credited, outcome.current_streak, changes.days) == (10, 0, {})


def started(**fields):
    """A user who walked on each of the first three days of January."""
    walks = [on(1), on(2), on(3)]
    return state(
        total_xp=30,
        active_days=3,
        streak=Streak(3, 3, walks[-1].local_date),
        last_occurred_at=walks[-1].occurred_at,
        tallies={1: 3},
        **fields,
    )


def late_walk(changes, day=2):
    at = datetime(2026, 1, day, 20, tzinfo=UTC)
    changes.record(record(at), activity(), at.date())
    return changes


def test_the_last_record_needs_no_ledger_to_date_an_unlock():
    changes = changeset(achievement("total_xp", 40), start=started())

    changes.record(record(), activity(), TODAY)

    assert not changes.needs_ledger
    assert changes.unlocks[0].unlocked_at == NOW


def test_a_late_record_needs_the_ledger_to_date_an_unlock():
    rule = achievement("total_xp", 40)

    changes = late_walk(changeset(rule, start=started(days={})))

    assert changes.needs_ledger


def test_an_unlock_by_a_late_record_is_dated_by_the_ledger():
    rule = achievement("total_xp", 40)
    start = started(days={}, ledger=[on(1), on(2), on(3)])

    changes = late_walk(changeset(rule, start=start))

    # The walk of the 3rd brought the 40 XP.
    assert not changes.needs_ledger
    assert changes.unlocks[0].unlocked_at == datetime(2026, 1, 3, 9, tzinfo=UTC)
    assert changes.entries[1].local_date == date(2026, 1, 3)


def test_an_achievement_met_before_needs_the_ledger():
    changes = changeset(
        achievement("activity_count", 2, activity_id=1), start=started()
    )

    changes.record(record(), activity(), TODAY)

    assert changes.needs_ledger


def test_an_achievement_met_before_is_dated_by_the_ledger():
    rule = achievement("activity_count", 2, activity_id=1)
    changes = changeset(rule, start=started(ledger=[on(1), on(2), on(3)]))

    changes.record(record(), activity(), TODAY)

    assert changes.unlocks[0].unlocked_at == datetime(2026, 1, 2, 9, tzinfo=UTC)


def test_an_achievement_that_follows_is_dated_by_the_ledger_too():
    rule = achievement("activity_count", 2, activity_id=1, id=5, xp_reward=20)
    level = achievement("level", 2, id=6)
    changes = changeset(
        rule, level, start=started(ledger=[on(1), on(2), on(3), reward(4, 0)])
    )

    changes.record(record(), activity(), TODAY)

    # 40 XP on the 2nd with the award, 50 with the walk of the 3rd.
    met = {unlock.achievement_id: unlock.unlocked_at.day for unlock in changes.unlocks}
    assert met == {5: 2, 6: 3}


def test_corrections_need_the_ledger_to_date_an_unlock():
    changes = changeset(achievement("total_xp", 40), start=started())

    changes.correct([correction(10)])

    assert changes.needs_ledger


def test_a_record_moves_the_time_of_the_last_occurrence():
    changes = changeset(start=started())

    changes.record(record(), activity(), TODAY)

    assert changes.last_occurred_at == NOW


def test_a_late_record_leaves_the_time_of_the_last_occurrence():
    changes = late_walk(changeset(start=started(days={})))

    assert changes.last_occurred_at == datetime(2026, 1, 3, 9, tzinfo=UTC)


def test_the_highest_streak_stays_when_a_streak_is_reversed():
    start = walker(d8=1, d9=1, d10=1)
    start.highest_streak = 3
    changes = changeset(start=start)

    reverse(changes, standing(WALK._replace(local_date=date(2026, 6, 9))))

    assert (changes.streak.longest, changes.highest_streak) == (1, 3)
