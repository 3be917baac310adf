"""Whatever column is wrong, reconcile finds it, and nobody else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.maintenance import reconcile
from gamification.models import (
    ActiveDay,
    ActivityTally,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    award_achievement,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

NEW_YEAR = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = timedelta(days=400)

#: Other values of the columns that are derived.
SPOILT = {
    (UserGamification, "total_xp"): lambda xp: xp + 1,
    (UserGamification, "level"): lambda level: level + 1,
    (UserGamification, "highest_level"): lambda level: level - 1,
    (UserGamification, "current_streak"): lambda days: days + 1,
    (UserGamification, "longest_streak"): lambda days: days + 1,
    (UserGamification, "highest_streak"): lambda days: days - 1,
    (UserGamification, "active_days"): lambda days: days + 1,
    (UserGamification, "last_active_on"): lambda day: day + LATER,
    (UserGamification, "last_occurred_at"): lambda at: at and None,
    (ActivityTally, "count"): lambda count: count - 1,
    (ActivityTally, "last_recorded_at"): lambda at: at + LATER,
    (ActiveDay, "activities"): lambda activities: activities + 1,
    (ActiveDay, "xp"): lambda xp: xp - 1,
    (ActiveDay, "date"): lambda day: day + LATER,
    (ActiveDay, "kind"): lambda kind: kind and ActiveDay.Kind.FROZEN,
    (UserAchievement, "unlocked_at"): lambda at: at + LATER,
    (UserAchievement, "xp_awarded"): lambda xp: xp + 1,
    (UserAchievement, "number"): lambda number: number + 1,
    (UserAchievement, "revoked_at"): lambda at: at or NEW_YEAR,
}


def walk(user, *numbers, key="walk"):
    """Let the user walk on some days of January."""
    for number in numbers:
        at = NEW_YEAR + timedelta(number)
        record_activity(user, key, quantity=3, occurred_at=at, historical=True)


@pytest.fixture
def winner(user):
    """A user who did all kinds of things, beside two others who did some of them."""
    ActivityFactory(key="run")
    medals = [AchievementFactory(key=key).key for key in ("medal", "cup")]
    for each, *numbers in ((UserFactory(), 3), (user, 0, 1, 2, 5), (UserFactory(), 4)):
        walk(each, *numbers)
    walk(user, 1, 8, key="run")
    for medal in medals:
        award_achievement(user, medal, celebrate=False)
    revoke_achievement(user, "cup")
    reverse_entry(user, entry_id=user.gamification_entries.latest("id").pk - 3)
    return user


def wrong_users():
    return {drift.user_id for drift in reconcile()}


@pytest.fixture
def winners_row(winner):
    """Return a function that draws a row of the winner, not that of a lost medal."""

    def draw(model, chance):
        rows = model.objects.filter(user=winner).order_by("pk")
        if model is UserAchievement:
            rows = rows.filter(revoked_at=None)
        return chance.choice([*rows])

    return draw


def spoil(row, column):
    value = SPOILT[type(row), column](getattr(row, column))
    type(row).objects.filter(pk=row.pk).update(**{column: value})


@pytest.fixture
def undone(db):
    """Take back all that a test does to the rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_nobody_differs_to_begin_with(winner):
    assert wrong_users() == set()


@pytest.mark.parametrize(
    ("model", "column"), SPOILT, ids=lambda part: getattr(part, "__name__", part)
)
def test_every_column_is_compared(winner, winners_row, undone, model, column):
    spoil(winners_row(model, Random(1)), column)

    assert wrong_users() == {winner.pk}


@pytest.mark.parametrize(
    "model", [UserGamification, ActivityTally, ActiveDay, UserAchievement]
)
def test_every_row_that_is_missing_is_found(winner, winners_row, undone, model):
    winners_row(model, Random(1)).delete()

    assert wrong_users() == {winner.pk}


ADDED = {
    ActivityTally: {"activity": "nap", "count": 0, "last_recorded_at": NEW_YEAR},
    ActiveDay: {"date": date(2026, 2, 1), "activities": 0},
    UserAchievement: {"achievement": "hat", "unlocked_at": NEW_YEAR, "xp_awarded": 0},
}


@pytest.mark.parametrize("model", ADDED)
def test_every_row_that_is_too_many_is_found(winner, undone, model):
    makers = {"activity": ActivityFactory, "achievement": AchievementFactory}
    fields = {
        name: makers[name](key=value) if name in makers else value
        for name, value in ADDED[model].items()
    }

    model.objects.create(user=winner, **fields)

    assert wrong_users() == {winner.pk}


def test_a_number_that_moved_to_another_row_is_found(winner, undone):
    first, second = ActiveDay.objects.filter(user=winner).order_by("date")[:2]
    for day, change in ((first, 1), (second, -1)):
        ActiveDay.objects.filter(pk=day.pk).update(xp=day.xp + change)

    assert wrong_users() == {winner.pk}


@pytest.mark.parametrize("number", [2**27 + 1, -(2**62), 2**63 - 1])
@pytest.mark.parametrize(
    ("model", "column"),
    [(UserGamification, "total_xp"), (ActivityTally, "count"), (ActiveDay, "xp")],
)
def test_huge_numbers_are_compared_too(winner, undone, model, column, number):
    model.objects.filter(user=winner).update(**{column: number})

    assert wrong_users() == {winner.pk}


def test_a_user_with_huge_numbers_may_be_right(winner):
    ledger = {"kind": "adjustment", "occurred_at": NEW_YEAR, "local_date": NEW_YEAR}
    for amount in (2**40, -(2**40)):
        LedgerEntry.objects.create(user=winner, amount=amount, **ledger)
    UserGamification.objects.filter(user=winner).update(highest_level=30)

    assert wrong_users() == set()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.lists(st.sampled_from([*SPOILT]), min_size=1, max_size=4, unique=True),
    chance=st.randoms(use_true_random=False),
)
def test_whatever_is_wrong_together_is_found(winner, winners_row, columns, chance):
    rows = [(winners_row(model, chance), column) for model, column in columns]

    with transaction.atomic():
        for row, column in rows:
            spoil(row, column)
        found = wrong_users()
        transaction.set_rollback(True)

    assert found == {winner.pk}
