from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.domain.limits import Done, Limits, RewardCount, freed_units, room
from gamification.domain.outcomes import Withheld
from tests.domain.builders import (
    NOW,
    TODAY,
    activity,
    entry,
    record,
    standing,
    state,
)

MIDNIGHT = datetime(2026, 6, 11, tzinfo=UTC)


def admit(rule, at=NOW, *, quantity=1, day=TODAY, start=None, limits=None):
    limits = limits or Limits(start or state(), NOW)
    return limits.admit(record(at, quantity=quantity), rule, day)


def test_a_daily_limit_admits_up_to_it():
    assert admit(activity(daily_limit=3), quantity=3) == (3, None)


def test_units_over_the_daily_limit_are_withheld_until_the_next_day():
    rewarded, withheld = admit(activity(daily_limit=3), quantity=5)

    assert rewarded == 3
    assert withheld == Withheld(
        xp=20, quantity=2, reason="daily_limit", earnable_at=MIDNIGHT
    )


def test_a_daily_limit_counts_what_was_recorded_before():
    start = state(usage={(1, TODAY): (2, 2)})

    rewarded, withheld = admit(activity(daily_limit=3), quantity=2, start=start)

    assert (rewarded, withheld.quantity) == (1, 1)


def test_each_date_has_a_limit_of_its_own():
    start = state(usage={(1, TODAY): (3, 3)})

    yesterday = TODAY - timedelta(1)
    assert admit(activity(daily_limit=3), day=yesterday, start=start) == (1, None)


def test_each_activity_has_a_limit_of_its_own():
    start = state(usage={(2, TODAY): (3, 3)})

    assert admit(activity(daily_limit=3), start=start) == (1, None)


def test_units_withheld_yesterday_can_be_earned_now():
    start = state(usage={(1, date(2026, 6, 9)): (3, 3)})

    rewarded, withheld = admit(
        activity(daily_limit=3), day=date(2026, 6, 9), start=start
    )

    assert (rewarded, withheld.earnable_at) == (0, NOW)


def test_units_that_were_reversed_make_room():
    start = state(usage={(1, TODAY): (1, 1)})

    assert admit(activity(daily_limit=3), quantity=2, start=start) == (2, None)


def test_a_raised_limit_pays_no_more_than_what_is_recorded():
    start = state(usage={(1, TODAY): (10, 2)})

    assert admit(activity(daily_limit=20), quantity=3, start=start) == (3, None)


def test_a_lowered_limit_takes_nothing_back():
    start = state(usage={(1, TODAY): (5, 5)})

    rewarded, withheld = admit(activity(daily_limit=2), start=start)

    assert (rewarded, withheld.quantity) == (0, 1)


@given(
    limit=st.integers(1, 12),
    records=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), max_size=20),
    shuffler=st.randoms(use_true_random=False),
)
def test_a_date_credits_the_lesser_of_limit_and_units_in_any_order(
    limit, records, shuffler
):
    shuffler.shuffle(records)
    limits, credited, units = Limits(state(), NOW), Counter(), Counter()

    for offset, quantity in records:
        day = TODAY - timedelta(offset)
        rule = activity(daily_limit=limit)
        credited[offset] += admit(rule, quantity=quantity, day=day, limits=limits)[0]
        units[offset] += quantity

    assert credited == {offset: min(limit, total) for offset, total in units.items()}


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("ago", "rewarded"),
    [
        (timedelta(minutes=59, seconds=59), 0),
        (HOUR, 1),
        (timedelta(0), 0),
        (-HOUR + timedelta(seconds=1), 0),
        (-HOUR, 1),
    ],
)
def test_a_cooldown_keeps_rewarded_records_apart(ago, rewarded):
    start = state(rewarded_at={1: [NOW - ago]})

    assert admit(activity(cooldown=3_600), start=start)[0] == rewarded


def test_a_cooldown_says_when_xp_can_be_earned_again():
    start = state(rewarded_at={1: [NOW - timedelta(minutes=40)]})

    _, withheld = admit(activity(cooldown=3_600), quantity=3, start=start)

    assert withheld == Withheld(
        xp=30,
        quantity=3,
        reason="cooldown",
        earnable_at=datetime(2026, 6, 10, 12, 20, tzinfo=UTC),
    )


def test_a_cooldown_that_ended_before_now_names_now():
    limits = Limits(state(rewarded_at={1: [NOW - 5 * HOUR]}), NOW)

    _, withheld = admit(
        activity(cooldown=3_600), NOW - 5 * HOUR + HOUR / 2, limits=limits
    )

    assert withheld.earnable_at == NOW


def test_a_cooldown_holds_within_a_request():
    limits, rule = Limits(state(), NOW), activity(cooldown=3_600)

    rewarded = [
        admit(rule, NOW + minutes * timedelta(minutes=1), limits=limits)[0]
        for minutes in (0, 30, 60, 90, 120)
    ]

    assert rewarded == [1, 0, 1, 0, 1]


def test_a_cooldown_of_another_activity_does_not_matter():
    start = state(rewarded_at={2: [NOW]})

    assert admit(activity(cooldown=3_600), start=start) == (1, None)


def test_a_record_that_cooled_down_still_meets_the_daily_limit():
    start = state(usage={(1, TODAY): (3, 3)}, rewarded_at={1: [NOW - HOUR]})

    rewarded, withheld = admit(activity(cooldown=3_600, daily_limit=3), start=start)

    assert (rewarded, withheld.reason) == (0, "daily_limit")


def test_units_that_a_cooldown_withheld_do_not_use_up_the_daily_limit():
    limits = Limits(state(rewarded_at={1: [NOW]}), NOW)
    rule = activity(cooldown=3_600, daily_limit=3)

    admit(rule, NOW, quantity=3, limits=limits)
    later, _ = admit(rule, NOW + HOUR, quantity=3, limits=limits)

    assert later == 3


def test_a_decision_leaves_the_state_as_it_was():
    usage, rewarded_at = {(1, TODAY): (1, 1)}, {1: [NOW - 2 * HOUR]}

    admit(
        activity(cooldown=3_600, daily_limit=9),
        start=state(usage=usage, rewarded_at=rewarded_at),
    )

    assert usage == {(1, TODAY): (1, 1)}
    assert rewarded_at == {1: [NOW - 2 * HOUR]}


def walk(minutes, *, quantity=1, rewarded=0, days=0):
    """Return a record that stands, so long after noon of the 10th of June."""
    at = NOW + timedelta(days=days, minutes=minutes)
    return standing(
        entry(
            id=minutes,
            occurred_at=at,
            local_date=TODAY + timedelta(days),
            quantity=quantity,
            rewarded=rewarded,
            xp_reward=10,
        )
    )


def freed(reversed_walk, rule, *others):
    """Return the minute of each record that earns XP, and how many units do."""
    room = freed_units(reversed_walk.entry, others, rule)
    return [(each.entry.id, units) for each, units in room]


ONCE = walk(0, rewarded=1)


def test_a_reversal_frees_what_the_limit_withheld():
    others = [walk(1, rewarded=1), walk(2), walk(3)]

    assert freed(ONCE, activity(daily_limit=2), *others) == [(2, 1)]


def test_freed_units_go_to_records_in_order_of_occurrence():
    gone = walk(0, quantity=5, rewarded=5)
    late, early = walk(9, quantity=4), walk(1, quantity=3)

    assert freed(gone, activity(daily_limit=5), late, early) == [(1, 3), (9, 2)]


def test_a_record_that_earned_in_part_is_filled_up():
    other = walk(1, quantity=3, rewarded=1)

    assert freed(ONCE, activity(daily_limit=2), other) == [(1, 1)]


def test_a_reversal_frees_nothing_on_another_date():
    other = walk(0, days=1)

    assert freed(ONCE, activity(daily_limit=1), other) == []


def test_a_reversal_frees_nothing_while_the_limit_is_used_up():
    others = [walk(1, rewarded=1), walk(2)]

    assert freed(walk(3), activity(daily_limit=1), *others) == []


def test_a_reversal_frees_what_the_cooldown_withheld():
    assert freed(ONCE, activity(cooldown=3_600), walk(59)) == [(59, 1)]


def test_a_record_that_another_one_cools_is_not_freed():
    others = [walk(30), walk(65, rewarded=1)]

    assert freed(ONCE, activity(cooldown=3_600), *others) == []


def test_a_freed_record_keeps_the_next_one_cooling():
    others = [walk(30), walk(59)]

    assert freed(ONCE, activity(cooldown=3_600), *others) == [(30, 1)]


def test_a_cooldown_frees_over_midnight():
    # At 23:30 and at 00:10 of the next day.
    gone, other = walk(690, rewarded=1), walk(-710, days=1)

    assert freed(gone, activity(cooldown=3_600), other) == [(-710, 1)]


def test_a_limit_holds_for_what_a_cooldown_frees():
    others = [walk(30, quantity=3), walk(-120, rewarded=1)]

    assert freed(ONCE, activity(cooldown=3_600, daily_limit=2), *others) == [(30, 1)]


@pytest.mark.parametrize(
    ("quantity", "limit", "usage", "expected"),
    [
        (4, None, (9, 9), 4),
        (4, 5, (0, 0), 4),
        (4, 5, (3, 3), 2),
        (4, 5, (5, 5), 0),
        (4, 5, (9, 7), 0),
        (4, 5, (3, 1), 4),
    ],
)
def test_a_date_has_room_up_to_its_limit(quantity, limit, usage, expected):
    assert room(quantity, limit, usage) == expected


def done(minutes, quantity=1, *, days=0):
    at = NOW + timedelta(days=days, minutes=minutes)
    return Done(at, TODAY + timedelta(days), quantity)


def rewarded_units(records, limit, cooldown):
    count = RewardCount(limit, cooldown)
    for each in records:
        count.add(each)
    return count.units


def test_without_rules_every_unit_is_rewarded():
    assert rewarded_units([done(0, 3), done(0, 2)], None, None) == 5


def test_a_limit_rewards_so_many_units_of_each_date():
    records = [done(0, 3), done(1, 3), done(0, 3, days=1)]

    assert rewarded_units(records, 4, None) == 7


def test_a_cooldown_rewards_records_that_are_apart():
    records = [done(minutes, 2) for minutes in (0, 30, 60, 119, 120)]

    assert rewarded_units(records, None, 3_600) == 6


def test_records_that_earn_nothing_start_no_cooldown():
    records = [done(0), done(60), done(60, days=1)]

    assert rewarded_units(records, 1, 7_200) == 2
