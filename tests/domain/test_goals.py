from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.domain.goals import goal_of, times_met, touches
from gamification.domain.outcomes import NO_REASON
from gamification.domain.rewards import row_of
from gamification.domain.spans import SpanQuery
from gamification.domain.state import Earned
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

AGAIN = {"max_times": None, "repeat_every": 2}
WEEKLY = {"max_times": None, "repeat_period": "week"}
SEASON = {
    "starts_at": datetime(2026, 6, 1, tzinfo=UTC),
    "ends_at": datetime(2026, 7, 1, tzinfo=UTC),
    "season_zone": "UTC",
}


def walks(threshold=2, **fields):
    return achievement(
        "activity_count", threshold, activity_id=1, key="walks", **fields
    )


def numbers(outcome):
    return [unlock.number for unlock in outcome.unlocks]


@pytest.mark.parametrize(
    ("value", "times"), [(2, 0), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3), (99, 4)]
)
def test_every_so_much_more_earns_it_again(value, times):
    rule = walks(3, max_times=4, repeat_every=2)

    assert times_met(rule, value) == times


def test_each_time_takes_more_of_the_criterion():
    assert goal_of(walks(3, **AGAIN), 4).threshold == 9


def test_a_record_earns_all_times_that_it_reaches():
    changes = changeset(walks(xp_reward=5, **AGAIN))

    outcome = changes.record(record(quantity=7), activity(), TODAY)

    assert numbers(outcome) == [1, 2, 3]
    assert outcome.xp_gained == 10 * 7 + 3 * 5
    assert [row.number for row in changes.unlocks] == [1, 2, 3]
    assert [each.number for each in changes.entries] == [None, None, 2, 3]


def test_times_earned_by_one_record_are_one_celebration():
    changes = changeset(walks(xp_reward=5, **AGAIN))

    outcome = changes.record(record(quantity=7), activity(), TODAY)

    [notice] = [each for each in outcome.celebrations if each.kind == "achievement"]
    assert notice.dedupe_key == "achievement:walks:3"
    assert (notice.data["number"], notice.data["xp"]) == (3, 15)


def test_the_first_time_is_celebrated_as_ever():
    changes = changeset(walks(**AGAIN))

    outcome = changes.record(record(quantity=2), activity(), TODAY)

    [notice] = outcome.celebrations
    assert (notice.dedupe_key, "number" in notice.data) == ("achievement:walks", False)


def earned(*rows):
    """Return a user with these rows of the achievement that walks earn."""
    held = frozenset({5}) if any(row.is_held for row in rows) else frozenset()
    return state(
        held=held, numbers={5: rows}, tallies={1: 5}, last_occurred_at=NOW, ledger=()
    )


def test_a_time_that_staff_revoked_is_not_earned_again():
    rows = Earned(1, is_held=True), Earned(2, is_held=False)
    changes = changeset(walks(id=5, **AGAIN), start=earned(*rows))

    outcome = changes.record(record(quantity=1), activity(), TODAY)

    assert numbers(outcome) == [3]


def test_a_time_that_a_reversal_took_back_is_earned_again_silently():
    rows = Earned(1, is_held=True), Earned(2, is_held=False, is_lapsed=True)
    changes = changeset(walks(id=5, **AGAIN), start=earned(*rows))

    outcome = changes.record(record(quantity=1), activity(), TODAY)

    assert numbers(outcome) == [2, 3]
    [notice] = outcome.celebrations
    assert notice.dedupe_key == "achievement:walks:3"


def test_held_times_are_one_achievement():
    rule = walks(id=5, **AGAIN)
    two = achievement("achievements", 2, id=6, key="two")
    changes = changeset(rule, two)

    outcome = changes.record(record(quantity=9), activity(), TODAY)

    assert "two" not in [unlock.achievement for unlock in outcome.unlocks]
    assert changes.held == {5}


def test_losing_one_time_leaves_the_others():
    rows = [Earned(number, is_held=True) for number in (1, 2)]
    changes = changeset(walks(id=5, **AGAIN), start=earned(*rows))
    reward_2 = entry(id=9, kind="achievement", amount=0, achievement_id=5, number=2)
    taken = row_of(reward_2)

    changes.revoke([(taken, standing(reward_2))], NO_REASON)

    assert changes.held == {5}
    assert [(row.number, bool(row.revoked_at)) for row in changes.unlocks] == [
        (2, True)
    ]


def test_revoking_all_times_is_one_outcome():
    rows = [Earned(number, is_held=True) for number in (1, 2)]
    changes = changeset(walks(id=5, xp_reward=7, **AGAIN), start=earned(*rows))
    rewards = [
        entry(
            id=9 + n, kind="achievement", amount=7, achievement_id=5, number=n or None
        )
        for n in (0, 2)
    ]

    outcome = changes.revoke(
        [(row_of(each), standing(each)) for each in rewards], NO_REASON
    )

    assert changes.held == frozenset()
    assert (outcome.credited, outcome.xp_gained) == (-7, -14)
    assert [(each.number, each.xp) for each in outcome.lost] == [(1, 7)]


def test_a_reversal_takes_the_last_times_back():
    rule = walks(id=5, revocable=True, **AGAIN)
    rows = [Earned(number, is_held=True) for number in (1, 2)]
    changes = changeset(rule, start=earned(*rows))
    walk = standing(entry(id=3, activity_id=1, quantity=2))
    rewards = {
        (5, n): standing(
            entry(id=3 + n, kind="achievement", amount=0, achievement_id=5, number=n)
        )
        for n in (1, 2)
    }

    changes.reverse([walk], rewards=rewards)

    lost = [(row.number, row.can_be_earned_again) for row in changes.unlocks]
    assert lost == [(2, True)]
    assert changes.held == {5}


def test_a_new_period_earns_it_again():
    held = Earned(1, is_held=True, period=date(2026, 6, 1))
    query = SpanQuery((1,), date(2026, 6, 1), date(2026, 6, 14))
    start = state(
        held=frozenset({5}),
        numbers={5: [held]},
        tallies={1: 5},
        spans=(query, {1: {(date(2026, 6, 8), None): 1, (date(2026, 6, 3), None): 4}}),
        last_occurred_at=NOW,
    )
    changes = changeset(walks(id=5, **WEEKLY), start=start)

    changes.record(record(), activity(), TODAY)

    [row] = changes.unlocks
    assert (row.number, row.period) == (2, date(2026, 6, 8))
    assert changes.entries[-1].period == date(2026, 6, 8)


def test_a_period_that_was_earned_is_not_earned_again():
    held = Earned(1, is_held=True, period=date(2026, 6, 8))
    query = SpanQuery((1,), date(2026, 6, 8), date(2026, 6, 14))
    start = state(
        held=frozenset({5}),
        numbers={5: [held]},
        tallies={1: 5},
        spans=(query, {1: {(date(2026, 6, 9), None): 4}}),
    )
    changes = changeset(walks(id=5, **WEEKLY), start=start)

    outcome = changes.record(record(), activity(), TODAY)

    assert outcome.unlocks == ()


def test_a_period_that_was_not_read_takes_the_ledger():
    query = SpanQuery((1,), date(2026, 6, 8), date(2026, 6, 14))
    start = state(tallies={1: 5}, spans=(query, {}), last_occurred_at=NOW)
    changes = changeset(walks(**WEEKLY), start=start)
    day = date(2026, 5, 2)

    changes.record(
        record(NOW - timedelta(days=39)), activity(extends_streak=False), day
    )

    assert changes.needs_ledger


def test_without_what_counts_the_ledger_is_needed():
    changes = changeset(walks(**WEEKLY), start=state(tallies={1: 5}))

    changes.record(record(), activity(), TODAY)

    assert changes.needs_ledger


def test_nothing_is_earned_outside_a_season():
    rule = achievement("level", 1, key="june", **SEASON)
    changes = changeset(rule, start=state(ledger=()))

    outcome = changes.record(
        record(NOW - timedelta(days=10)), activity(), date(2026, 5, 31)
    )

    assert outcome.unlocks == ()


def test_a_level_counts_if_something_happens_in_the_season():
    rule = achievement("level", 2, key="june", **SEASON)
    before = on(1, amount=60)
    changes = changeset(rule, start=state(ledger=[before], total_xp=60, level=2))

    outcome = changes.record(record(), activity(), TODAY)

    [unlock] = outcome.unlocks
    assert unlock.achievement == "june"
    assert changes.unlocks[0].unlocked_at == NOW


def test_a_level_that_was_never_reached_takes_no_ledger():
    rule = achievement("level", 3, **SEASON)
    changes = changeset(rule)

    changes.record(record(), activity(), TODAY)

    assert not changes.needs_ledger


def test_a_level_that_may_have_been_reached_takes_the_ledger():
    rule = achievement("level", 2, **SEASON)
    changes = changeset(rule, start=state(total_xp=60, level=2, highest_level=2))

    changes.record(record(), activity(), TODAY)

    assert changes.needs_ledger


def test_achievements_of_a_season_are_those_unlocked_in_it():
    rule = achievement("achievements", 1, key="june", **SEASON)
    ledger = [reward(1)]
    changes = changeset(
        rule,
        walks(1, id=5),
        start=state(ledger=ledger, held=frozenset({1_001}), last_occurred_at=NOW),
    )

    outcome = changes.record(record(), activity(), TODAY)

    assert [unlock.achievement for unlock in outcome.unlocks] == ["walks", "june"]


def test_what_staff_award_is_never_due():
    changes = changeset(achievement("manual", 1, **SEASON))

    assert changes.record(record(), activity(), TODAY).unlocks == ()


@pytest.mark.parametrize(
    ("criterion", "fields", "touched"),
    [
        ("activity_count", {"activity_id": 1}, True),
        ("activity_count", {"activity_id": 2}, False),
        ("active_days", {"extends_streak": True}, True),
        ("active_days", {}, False),
        ("total_xp", {"amount": 0}, False),
        ("total_xp", {"amount": 5}, True),
        ("longest_streak", {"activity_id": 1}, True),
        ("longest_streak", {}, False),
        ("achievements", {"kind": "achievement"}, True),
        ("achievements", {}, False),
        ("level", {"amount": 0}, True),
    ],
)
def test_an_entry_touches_what_it_may_change(criterion, fields, touched):
    rule = achievement(criterion, 1, activity_id=1 if "count" in criterion else None)

    assert touches(rule, entry(**fields)) is touched


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, True),
        ({"held": frozenset({5})}, False),
        ({"revoked": frozenset({5})}, False),
        ({"is_excluded": True}, False),
    ],
)
def test_a_user_qualifies_once_for_a_season(fields, verdict):
    walked = [on(n, occurred_at=NOW, local_date=TODAY) for n in (1, 2)]
    rule = walks(id=5, **SEASON)

    changes = changeset(rule, start=state(ledger=walked, **fields))

    assert changes.qualifies(rule) is verdict


def test_nothing_is_due_of_what_the_catalogue_does_not_have():
    changes = changeset(start=state(ledger=[on(1), on(2)]))

    assert changes.all_due(walks(id=5, **AGAIN)) == []


@pytest.mark.parametrize(("hours", "needs_ledger"), [(1, False), (-1, True)])
def test_only_a_late_record_may_raise_the_level_of_a_season(hours, needs_ledger):
    rule = achievement("level", 2, **SEASON)
    before = NOW - timedelta(days=10)
    user = {"total_xp": 60, "level": 2, "highest_level": 2}
    changes = changeset(rule, start=state(**user, last_occurred_at=before))

    at = before + timedelta(hours=hours)
    changes.record(record(at), activity(), date(2026, 5, 31))

    assert changes.needs_ledger == needs_ledger
