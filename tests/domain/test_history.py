from __future__ import annotations

from datetime import timedelta

from gamification.domain.history import (
    correction_of,
    lasting,
    lasting_with,
    reversal_of,
    standing_entries,
)
from gamification.domain.outcomes import NO_REASON, Reason
from tests.domain.builders import NOW, corrected, entry, on, reversed_, standing

WALK = entry(id=3, quantity=5, rewarded=2, amount=20, xp_reward=10, key="a")


def correction(amount, rewarded=0, *, xp_reward=10, original=WALK, **fields):
    return entry(
        kind="correction",
        corrects=original.id,
        amount=amount,
        rewarded=rewarded,
        xp_reward=xp_reward,
        **fields,
    )


def reversal(original):
    return entry(kind="reversal", reverses=original.id)


def test_an_entry_is_worth_its_amount():
    assert [*standing_entries([WALK])] == [
        standing(WALK, worth=20, rewarded=2, xp_reward=10)
    ]


def test_an_entry_is_worth_its_corrections_too():
    corrections = [correction(30, xp_reward=25), correction(-5, 1, xp_reward=15)]

    [walk] = standing_entries([WALK, *corrections])

    assert (walk.entry, walk.worth, walk.rewarded, walk.xp_reward) == (WALK, 45, 3, 15)


def test_a_reversed_entry_does_not_stand():
    other = entry(id=4)

    ledger = [WALK, other, correction(10), reversal(WALK)]

    assert [each.entry for each in standing_entries(ledger)] == [other]


def test_an_entry_that_is_not_among_them_is_worth_nothing():
    assert [*standing_entries([correction(10), reversal(WALK)])] == []


def test_units_that_earn_nothing_are_withheld():
    assert standing(WALK).withheld == 3
    assert standing(WALK, rewarded=5).withheld == 0


def test_lasting_entries_come_in_order_of_occurrence():
    first, second, third = on(1), on(2), on(3)

    assert lasting([third, first, second]) == [first, second, third]


def test_entries_of_one_instant_stay_in_order_of_recording():
    first, second = on(1, id=1), on(1, id=2)

    assert [each.id for each in lasting([first, second])] == [1, 2]


def test_a_reversed_entry_does_not_last():
    first, second = on(1), on(2)
    ledger = [first, second, corrected(first, 5), reversed_(first)]

    assert lasting(ledger) == [second]


def test_a_lasting_entry_is_worth_its_corrections():
    first, second = on(1), on(2)
    more = [corrected(first, 5), corrected(first, -1, 97)]

    assert lasting([first, second, *more]) == [first._replace(amount=14), second]


def test_a_correction_belongs_to_the_time_of_its_entry():
    later = NOW + timedelta(days=3)

    more = correction_of(
        standing(WALK), 10, rewarded=1, now=later, reason=Reason(9, "Free again.")
    )

    assert more == entry(
        kind="correction",
        amount=10,
        rewarded=1,
        xp_reward=10,
        recorded_at=later,
        corrects=3,
        actor_id=9,
        note="Free again.",
    )


def test_a_correction_may_change_what_a_unit_is_worth():
    more = correction_of(
        standing(WALK), 30, rewarded=0, now=NOW, reason=NO_REASON, xp_reward=25
    )

    assert (more.amount, more.xp_reward) == (30, 25)


def test_new_entries_change_what_lasted_until_now():
    other = WALK._replace(id=WALK.id + 1)
    late = WALK._replace(id=None, occurred_at=WALK.occurred_at + timedelta(hours=1))
    by = {"now": NOW, "reason": NO_REASON}
    correction = correction_of(standing(WALK), 5, rewarded=0, **by)
    reversal = reversal_of(standing(other), **by)

    lasts = lasting_with([WALK, other], [late, correction, reversal])

    assert [*lasts] == [WALK._replace(amount=WALK.amount + 5), late]
