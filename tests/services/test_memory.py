"""How much memory work on one user's long ledger takes: it must not grow with it."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from gamification.maintenance import rebuild, reconcile, suspects
from gamification.models import ActiveDay, LedgerEntry
from gamification.services import ActivityRecord, record_activities
from gamification.staff import (
    ActivityNumbers,
    RewardProposal,
    backfill_achievement,
    last_days,
    simulate_rewards,
)
from gamification.storage import base, streaming
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import profile_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

#: A ledger, and one that is eight times as long.
SHORT, LONG = 250, 2_000


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Let the short ledger take many chunks, too."""
    monkeypatch.setattr(streaming, "CHUNK", 25)
    monkeypatch.setattr(base, "ENTRIES_AT_ONCE", 25)


@pytest.fixture
def grow(user, activity):
    """Return a function that gives the user a ledger of this length."""
    day = last_days(1)[0]
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)

    def add(length):
        LedgerEntry.objects.bulk_create(
            LedgerEntry(
                user=user,
                kind="activity",
                activity=activity,
                amount=10,
                quantity=1,
                rewarded=1,
                xp_reward=10,
                extends_streak=True,
                occurred_at=noon + timedelta(milliseconds=number),
                local_date=day,
            )
            for number in range(length - activity.ledger_entries.count())
        )
        rebuild(user)

    return add


def peak_of(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def what_if():
    cooled = ActivityNumbers(10, cooldown=5)
    simulate_rewards(RewardProposal({"walk": cooled}), days=2)


def backfill():
    """Award an achievement that nobody had, dated by the ledger."""
    medal = AchievementFactory(criterion="total_xp", threshold=SHORT * 5, xp_reward=0)
    assert backfill_achievement(medal.key).awarded == 1


@pytest.mark.parametrize("work", [what_if, backfill, "rebuild", "reconcile"])
def test_memory_does_not_grow_with_the_ledger_of_a_user(grow, user, work):
    works = {"rebuild": partial(rebuild, user), "reconcile": lambda: [*reconcile()]}
    work = works.get(work, work)

    grow(SHORT)
    work()  # What is loaded once does not count.
    short = peak_of(work)
    grow(LONG)
    long = peak_of(work)

    # The other rows would take half a megabyte.
    assert long < 1.3 * short + 100_000
    assert profile_of(user).total_xp == 10 * LONG
    assert ActiveDay.objects.count() == 1


def test_memory_does_not_grow_with_the_number_of_users(activity, monkeypatch):
    monkeypatch.setattr(suspects, "USERS_AT_ONCE", 10)

    def peak(users):
        new = UserFactory.create_batch(users)
        record_activities(ActivityRecord(user, "walk") for user in new)
        return peak_of(lambda: [*reconcile(batch_size=20)])

    peak(20)  # What is loaded once does not count.
    few, many = peak(20), peak(400)

    # Four hundred users more would take nearly two megabytes. The driver keeps up to
    # 128 statements, and the collector is late by some hundred kilobytes.
    assert many < 1.3 * few + 600_000


def test_a_long_ledger_dates_an_award_like_a_short_one(
    grow, user, activity, monkeypatch
):
    grow(SHORT)
    dates = []
    for at_once in (25, 10_000):
        monkeypatch.setattr(base, "ENTRIES_AT_ONCE", at_once)
        medal = AchievementFactory(
            criterion="activity_count", activity=activity, threshold=126
        )
        backfill_achievement(medal.key)
        dates.append(user.gamification_achievements.get(achievement=medal).unlocked_at)

    first = activity.ledger_entries.earliest("id").occurred_at
    assert dates == [first + timedelta(milliseconds=125)] * 2
