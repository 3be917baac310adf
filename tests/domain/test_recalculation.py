from __future__ import annotations

import pytest

from gamification.domain.recalculation import day_worth, recalculate_day
from tests.domain.builders import activity, entry, standing


def walks(*records):
    """Return records of a date: units, rewarded ones and, if not 10, XP of a unit."""
    return [
        standing(
            entry(quantity=units, rewarded=rewarded, amount=rewarded * xp, xp_reward=xp)
        )
        for units, rewarded, xp in ((*record, 10)[:3] for record in records)
    ]


def dues(rule, *records):
    """Return the rewarded units that each record should have, and the XP it lacks."""
    return [
        (due.rewarded, due.amount) for due in recalculate_day(walks(*records), rule)
    ]


def test_each_record_gets_the_reward_of_today():
    assert dues(activity(xp_reward=15), (3, 3), (2, 2)) == [(3, 15), (2, 10)]


def test_a_lower_reward_takes_the_difference():
    assert dues(activity(xp_reward=4), (3, 3)) == [(3, -18)]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (None, [(2, 0), (3, 30), (4, 40)]),
        (6, [(2, 0), (3, 30), (1, 10)]),
        (2, [(2, 0), (0, 0), (0, 0)]),
    ],
)
def test_a_higher_limit_admits_what_was_withheld_in_order(limit, expected):
    assert dues(activity(daily_limit=limit), (2, 2), (3, 0), (4, 0)) == expected


def test_a_lower_limit_takes_from_the_last_records_first():
    rule = activity(daily_limit=3)

    assert dues(rule, (2, 2), (2, 2), (1, 1)) == [(2, 0), (1, -10), (0, -10)]


def test_records_that_earned_keep_it_before_earlier_ones():
    # The first arrived late, when the limit was used up.
    assert dues(activity(daily_limit=1), (1, 0), (1, 1)) == [(0, 0), (1, 0)]


def test_units_withheld_by_a_cooldown_stay_withheld():
    assert dues(activity(cooldown=60), (1, 1), (1, 0)) == [(1, 0), (0, 0)]


def test_a_limit_also_holds_where_there_is_a_cooldown():
    rule = activity(cooldown=60, daily_limit=5)

    assert dues(rule, (3, 3), (9, 3)) == [(3, 0), (2, -10)]


def test_a_corrected_record_is_not_corrected_again():
    walk = standing(
        entry(quantity=1, rewarded=1, amount=10, xp_reward=10), worth=25, xp_reward=25
    )

    [due] = recalculate_day([walk], activity(xp_reward=25))

    assert (due.amount, due.is_change) == (0, False)


def test_a_record_without_rewarded_units_learns_the_reward_of_today():
    [_, due] = recalculate_day(
        walks((1, 1), (1, 0)), activity(xp_reward=15, daily_limit=1)
    )

    assert (due.amount, due.xp_reward, due.is_change) == (0, 15, True)


def test_a_limit_on_what_earns_no_xp_is_kept_too():
    due = next(recalculate_day(walks((2, 2, 0)), activity(xp_reward=0, daily_limit=1)))

    assert (due.amount, due.rewarded, due.is_change) == (0, 1, True)


@pytest.mark.parametrize(
    ("rule", "units", "rewarded", "worth"),
    [
        (activity(), 9, 2, 90),
        (activity(daily_limit=5), 9, 2, 50),
        (activity(daily_limit=5), 3, 3, 30),
        (activity(cooldown=60), 9, 2, 20),
        (activity(cooldown=60, daily_limit=1), 9, 2, 10),
        (activity(xp_reward=0), 9, 2, 0),
    ],
)
def test_a_date_is_worth_its_units_within_the_limit(rule, units, rewarded, worth):
    assert day_worth(rule, units=units, rewarded=rewarded) == worth
