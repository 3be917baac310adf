from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gamification.domain.catalogue import (
    AchievementRule,
    ActivityRule,
    Catalogue,
    Criterion,
)
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.recalculation import DaySum, RecalculationChangeset, correct
from gamification.domain.state import Rules, UserState

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = date(2026, 3, 2)


def day_of(units, paid, xp):
    return DaySum("ann", 1, DAY, units, paid, xp, NOON)


def walk(**numbers):
    return ActivityRule(1, "walk", **{"xp_reward": 10, **numbers})


@pytest.mark.parametrize(
    ("done", "rule", "amount", "rewarded"),
    [
        # Units, of which so many were rewarded, with so much XP.
        ((3, 3, 15), walk(), 15, 0),
        ((3, 3, 45), walk(), -15, 0),
        ((9, 2, 20), walk(daily_limit=5), 30, 3),
        ((9, 9, 90), walk(daily_limit=5), -40, -4),
        ((9, 2, 20), walk(), 70, 7),
        ((9, 2, 10), walk(cooldown=60), 10, 0),
        ((9, 6, 60), walk(cooldown=60, daily_limit=5), -10, 0),
        ((0, 0, 30), walk(), -30, 0),
        ((2, 2, 20), walk(xp_reward=0), -20, 0),
    ],
)
def test_a_date_that_gave_something_else_is_corrected(done, rule, amount, rewarded):
    entry = correct(day_of(*done), rule)

    assert (entry.amount, entry.rewarded) == (amount, rewarded)
    assert (entry.kind, entry.quantity, entry.extends_streak) == (
        "adjustment",
        0,
        False,
    )
    assert (entry.occurred_at, entry.local_date) == (NOON, DAY)


@pytest.mark.parametrize(
    ("done", "rule"),
    [
        ((3, 3, 30), walk()),
        ((9, 5, 50), walk(daily_limit=5)),
        ((9, 2, 20), walk(cooldown=60)),
        ((0, 0, 0), walk()),
    ],
)
def test_a_date_that_gave_the_same_is_left_alone(done, rule):
    assert correct(day_of(*done), rule) is None


def changeset(total_xp):
    rich = AchievementRule(7, "rich", "Rich", 5, Criterion.TOTAL_XP, 100)
    rules = Rules(Catalogue([walk()], [rich]), (0, 50, 150))
    state = UserState("ann", Calendar((ZoneChange(0, "UTC"),), 0), total_xp=total_xp)
    return RecalculationChangeset(state, rules, NOON, [], celebrate=False)


def corrections(*amounts):
    entry = correct(day_of(1, 1, 0), walk())
    return [entry._replace(amount=amount) for amount in amounts]


def test_gains_and_losses_are_weighed_before_anything_is_reached():
    state = changeset(60)

    state.correct(corrections(120, -90))

    assert (state.total_xp, state.highest_level, state.unlocks) == (90, 2, [])


def test_what_the_new_total_earns_is_unlocked():
    state = changeset(60)

    state.correct(corrections(30, 20))

    assert [unlock.achievement_id for unlock in state.unlocks] == [7]
    assert state.total_xp == 115


def test_a_loss_unlocks_nothing():
    state = changeset(130)

    state.correct(corrections(-10))

    assert (state.total_xp, state.unlocks) == (120, [])
